package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// TheCA is the word that stands for the CA itself where a name is expected. No
// device and no identity can have it.
const TheCA = "ca"

// Kind is what people call the holder of a certificate.
type Kind string

// The kinds of holders, and the CA itself.
const (
	Device   Kind = "device"
	Identity Kind = "identity"
	CAItself Kind = "ca"
	// Delegated is another CA under the root.
	Delegated Kind = "delegated-ca"
)

// WithArticle returns the kind as a sentence needs it: "a device".
func (k Kind) WithArticle() string {
	switch k {
	case CAItself:
		return "the CA"
	case Identity:
		return "an identity"
	case Delegated:
		return "a delegated CA"
	}
	return "a device"
}

// KindOf returns what the holder of a certificate is.
func KindOf(i store.Issued) Kind {
	switch i.Record.Kind {
	case ca.KindClient:
		return Identity
	case ca.KindCA:
		return Delegated
	}
	return Device
}

// IsAlsoClient reports whether a device's certificate is an identity as well.
func IsAlsoClient(i store.Issued) bool { return ca.KindOf(i.Leaf) == ca.KindBoth }

// CertificateOf returns the newest certificate of a holder, or with TheCA that of the
// root that signs. It fails as Find does.
func (c *CA) CertificateOf(name string) (*x509.Certificate, error) {
	if name == TheCA {
		root, err := c.Root()
		return root.Certificate, err
	}
	issued, err := c.Find(name)
	return issued.Leaf, err
}

// NotIssuedError says that no certificate was issued for Input. Near is a name that
// was probably meant, "" if there is none.
type NotIssuedError struct{ Input, Near string }

func (e *NotIssuedError) Error() string { return fmt.Sprintf("no certificate for %q", e.Input) }

// Hint says how to see what exists, and how to make what does not.
func (e *NotIssuedError) Hint() fault.Hint {
	list, identity := fault.Command{"list"}, fault.Command{"identity", e.Input}
	names, err := ca.ParseNames([]string{e.Input})
	switch {
	case e.Near != "":
		return fault.Hintf("did you mean %s? %s shows what exists", fault.Quote(e.Near), list)
	case err != nil, !strings.ContainsAny(e.Input, ".:") && e.Input != "localhost":
		return fault.Hintf("%s shows what exists; %s issues an identity of that name", list, identity)
	case ca.HomeConstraints().Contains(names.First()):
		return fault.Hintf("%s shows what exists; %s issues it", list, fault.Command{"issue", e.Input})
	}
	return fault.Hintf("%s shows what exists", list)
}

// Find returns the newest certificate of an identity or of a device, whose name
// may be spelled as people spell it. No word names both. It fails with a
// NotIssuedError, or with a *ca.NameError if input can name neither.
func (c *CA) Find(input string) (store.Issued, error) {
	issued, err := c.find(input)
	if missing, ok := errors.AsType[*NotIssuedError](err); ok {
		missing.Near = c.near(input)
	}
	return issued, err
}

// near returns the name of a holder that differs from input only in case,
// punctuation or .local: kitchen-tablet is the folder of "Kitchen tablet".
func (c *CA) near(input string) string {
	want := letters(input)
	for issued, err := range c.All(true) {
		if err == nil && want != "" && letters(issued.Record.Name) == want {
			return issued.Record.Name
		}
	}
	return ""
}

// letters returns what is left of a name without case, punctuation and .local.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, strings.TrimSuffix(strings.ToLower(name), ".local"))
}

// find is Find without a look at similar names, which takes its time.
func (c *CA) find(input string) (store.Issued, error) {
	client, clientErr := ca.ParseClientName(input)
	if clientErr == nil {
		issued, err := c.store.Latest(store.Holder{Kind: ca.KindClient, Name: client.String()})
		if !errors.Is(err, store.ErrNotIssued) {
			return issued, err
		}
	}
	if delegated, err := c.store.Latest(store.Holder{Kind: ca.KindCA, Name: input}); !errors.Is(err, store.ErrNotIssued) {
		return delegated, err
	}
	names, err := ca.ParseNames([]string{input})
	if err != nil {
		if clientErr == nil {
			err = &NotIssuedError{Input: input}
		}
		return store.Issued{}, err
	}
	issued, err := c.store.Latest(store.Holder{Kind: ca.KindServer, Name: names.First().String()})
	if errors.Is(err, store.ErrNotIssued) {
		err = &NotIssuedError{Input: input}
	}
	return issued, err
}

// WrongKindError says that Input names something other than was asked for.
type WrongKindError struct {
	Input     string
	Got, Want Kind
}

func (e *WrongKindError) Error() string {
	return fmt.Sprintf("%q is %s, not %s", e.Input, e.Got.WithArticle(), e.Want.WithArticle())
}

// Hint points to what exists.
func (e *WrongKindError) Hint() fault.Hint {
	return fault.Hintf("name %s: %s shows what exists", e.Want.WithArticle(), fault.Command{"list"})
}

// FindKind is Find for a holder of one kind. It also fails with a
// WrongKindError.
func (c *CA) FindKind(input string, want Kind) (store.Issued, error) {
	if input == TheCA {
		return store.Issued{}, &WrongKindError{input, CAItself, want}
	}
	issued, err := c.Find(input)
	if err != nil {
		return store.Issued{}, err
	}
	if got := KindOf(issued); got != want {
		return store.Issued{}, &WrongKindError{input, got, want}
	}
	return issued, nil
}

// DisplayName returns a holder's name for people: an international one both
// ways.
func DisplayName(name string) string {
	if !strings.Contains(name, "xn--") {
		return name // parsing 10,000 names takes its time
	}
	names, err := ca.ParseNames([]string{name})
	if err != nil {
		return name
	}
	return names.First().Display()
}

// KindOfName returns what a name belongs to: a device if there is no certificate
// for it. It fails as Find does.
func (c *CA) KindOfName(input string) (Kind, error) {
	if input == TheCA {
		return CAItself, &WrongKindError{input, CAItself, Device}
	}
	issued, err := c.Find(input)
	if err != nil {
		if client, clientErr := ca.ParseClientName(input); clientErr == nil && isLost(err) {
			// A damaged identity is renewed all the same.
			if _, lost := c.store.Latest(store.Identity(client.String())); isLost(lost) {
				return Identity, err
			}
		}
		if _, lost := c.store.Latest(store.Holder{Kind: ca.KindCA, Name: input}); isLost(lost) {
			return Delegated, err
		}
		return Device, err
	}
	return KindOf(issued), nil
}

// Permits joins a *ca.NameError for each name that the root cannot vouch for.
func (c *CA) Permits(names ca.Names, now time.Time) error {
	authority, err := c.Authority(now)
	if err != nil {
		return err
	}
	return authority.Permits(names)
}

// identityExistsError says that a name which cannot be a device's is that of an
// identity.
type identityExistsError struct{ name string }

func (e *identityExistsError) Error() string { return fmt.Sprintf("%q is an identity", e.name) }

// Hint renews it.
func (e *identityExistsError) Hint() fault.Hint {
	return fault.Hintf("%s for a new key, or choose a device's name, such as %s.local", fault.Command{"renew", e.name}, strings.ToLower(e.name))
}

// RefuseIdentity fails if input is the name of an identity that exists.
func (c *CA) RefuseIdentity(input string) error {
	issued, err := c.find(input)
	if err == nil && KindOf(issued) == Identity {
		return &identityExistsError{issued.Record.Name}
	}
	return nil
}
