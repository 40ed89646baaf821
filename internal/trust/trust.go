// Package trust makes the programs of this computer trust a CA's roots, and
// takes exactly those out again: the system's trust store (curl, wget, Python,
// Java), Chromium and its relatives, Firefox, and Java runtimes that keep a
// store of their own.
//
// Everything that changes a store is a command, known before it runs: a Plan
// can be printed, and run later. What needs root goes through sudo, one command
// at a time; users' own stores never do.
package trust

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// A Store is a kind of trust store.
type Store string

// The kinds of trust stores.
const (
	System   Store = "system"   // curl, wget, Python, Go, and most Java
	Chromium Store = "chromium" // Chromium, Chrome, Edge, Brave on Linux
	Firefox  Store = "firefox"  // Firefox on Linux
	Java     Store = "java"     // Java runtimes that do not follow the system
)

// usual are the stores that a user who names none means. Java runtimes are left
// alone unasked: they may be parts of other programs.
var usual = []Store{System, Chromium, Firefox}

// ParseStores returns the stores that a word stands for: a store's name, "all",
// or nothing for all but Java.
func ParseStores(word string) ([]Store, error) {
	every := append(slices.Clone(usual), Java)
	switch store := Store(word); {
	case word == "":
		return slices.Clone(usual), nil
	case word == "all":
		return every, nil
	case slices.Contains(every, store):
		return []Store{store}, nil
	}
	return nil, fault.WithCode(fault.New(fmt.Sprintf("store %q is not one of system, chromium, firefox, java, all", word),
		fault.Run("trust", "--store", "all")), fault.Usage)
}

// Scope is for whom a browser shall trust the roots.
type Scope int

// The scopes. The system's store is always everyone's.
const (
	// Default uses Firefox's policy for all users where root's rights can be
	// had, and this user's databases otherwise; Chromium's are this user's.
	Default Scope = iota
	// ThisUser uses only stores that need no root; it leaves out the system's.
	ThisUser
	// AllUsers uses the policies of both browsers.
	AllUsers
)

// A Request is what to trust, and where.
type Request struct {
	// Roots are the CA's roots, the one that signs first. Installing takes those
	// that devices still use, removing takes all that ever were.
	Roots  []*x509.Certificate
	Stores []Store
	Scope  Scope
}

// State is what a store makes of a CA's roots.
type State string

// The states of a store.
const (
	Trusted State = "trusted" // all roots
	Older   State = "older"   // some roots: as a rule the one before a rotation
	Other   State = "other"   // none of these, but another picoca root
	Absent  State = "absent"  // no picoca root
	Unknown State = "unknown" // the store cannot be read
)

// A Status is what one store trusts.
type Status struct {
	Store Store  `json:"store"`
	Place string `json:"place"` // its file or folder
	State State  `json:"state"`
	Err   error  `json:"-"` // why it is Unknown, with a hint
}

// A root is a certificate and what it is called in every store: picoca- and
// eight digits of its SHA-256.
type root struct {
	*x509.Certificate
	name string
}

const prefix = "picoca-"

func rootsOf(certs []*x509.Certificate) []root {
	var roots []root
	for _, cert := range certs {
		roots = append(roots, root{cert, nameOf(cert)})
	}
	return roots
}

// pem is the name of the root's staged file.
func (r root) pem() string { return FileName(r.Certificate) }
func (r root) file() File  { return File{r.pem(), ca.CertificatePEM(r.Certificate)} }

// contents is what a place holds, by the roots' names.
type contents struct {
	trusted []string // takes effect
	traces  []string // any trace of it, in effect or not
	others  []string // names of other picoca roots
}

// note records one certificate that a place holds under a name.
func (c *contents) note(roots []root, der []byte, label string, trusted bool) {
	i := slices.IndexFunc(roots, func(r root) bool { return slices.Equal(r.Raw, der) || der == nil && r.name == label })
	switch {
	case i < 0 && strings.HasPrefix(label, prefix):
		c.others = append(c.others, label)
	case i < 0:
	case trusted:
		c.trusted = append(c.trusted, roots[i].name)
		fallthrough
	default:
		c.traces = append(c.traces, roots[i].name)
	}
}

func (c contents) state(roots []root) State {
	n := 0
	for _, r := range roots {
		if slices.Contains(c.trusted, r.name) {
			n++
		}
	}
	switch {
	case n == len(roots):
		return Trusted
	case n > 0:
		return Older
	case len(c.others) > 0:
		return Other
	}
	return Absent
}

// split returns the roots whose names are in the list, and those that are not.
func split(roots []root, names []string) (in, out []root) {
	for _, r := range roots {
		if slices.Contains(names, r.name) {
			in = append(in, r)
		} else {
			out = append(out, r)
		}
	}
	return in, out
}
