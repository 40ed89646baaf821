package trust

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// A chromium is a browser made from Chromium: its programs, and the folder of
// its policies.
type chromium struct {
	programs []string
	policies string
}

var chromiums = []chromium{
	{[]string{"chromium", "chromium-browser"}, "/etc/chromium/policies/managed"},
	{[]string{"google-chrome", "google-chrome-stable"}, "/etc/opt/chrome/policies/managed"},
	{[]string{"microsoft-edge", "microsoft-edge-stable"}, "/etc/opt/edge/policies/managed"},
	{[]string{"brave-browser", "brave-browser-stable", "brave"}, "/etc/brave/policies/managed"},
}

// flatpaks are browsers made from Chromium that have a home of their own.
var flatpaks = []string{"org.chromium.Chromium", "com.google.Chrome", "com.microsoft.Edge", "com.brave.Browser"}

const chromiumManual = "chrome://certificate-manager"

// chromiumDBs returns this user's databases, those that exist and those that the
// browsers would make.
func (c *Computer) chromiumDBs() []*nssDB {
	if c.Home == "" {
		return nil
	}
	var all []*nssDB
	add := func(covered bool, dirs []string) {
		for _, dir := range dirs {
			all = append(all, &nssDB{c: c, store: Chromium, dir: dir, manual: chromiumManual, covered: covered})
		}
	}
	installed := slices.ContainsFunc(chromiums, func(b chromium) bool { return c.program(b.programs...) != "" })
	add(true, c.chromiumDirs(path.Join(c.Home, ".pki"), cmp.Or(c.DataHome, path.Join(c.Home, ".local/share")), installed))
	if snap := path.Join(c.Home, "snap/chromium/current"); c.isDir(snap) {
		add(false, c.chromiumDirs(path.Join(snap, ".pki"), path.Join(snap, ".local/share"), true))
	}
	for _, id := range flatpaks {
		if app := path.Join(c.Home, ".var/app", id); c.isDir(app) {
			add(false, c.chromiumDirs(path.Join(app, ".pki"), path.Join(app, "data"), true))
		}
	}
	return all
}

// chromiumDirs is Chromium's own rule since 146: the legacy folder if it exists,
// be it empty, else the one for data. If both exist, older versions and other
// programs may use either. The legacy one is never made: it would hide the other.
func (c *Computer) chromiumDirs(legacy, data string, installed bool) []string {
	var dirs []string
	for _, dir := range []string{path.Join(legacy, "nssdb"), path.Join(data, "pki/nssdb")} {
		if c.isDir(dir) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 && installed {
		return []string{path.Join(data, "pki/nssdb")}
	}
	return dirs
}

// chromiumPolicies returns the policies of the browsers that are installed, or
// whose policy has a file of ours.
func (c *Computer) chromiumPolicies() []place {
	var all []place
	for _, b := range chromiums {
		if p := (&chromiumPolicy{c, b.policies}); c.program(b.programs...) != "" || c.isFile(p.file()) {
			all = append(all, p)
		}
	}
	return all
}

// chromiumPolicy is the file with the roots that all users' Chromium trusts. All
// picoca roots share one file: of two files that set the same policy, Chromium
// reads one.
type chromiumPolicy struct {
	c   *Computer
	dir string
}

const constrained = "CACertificatesWithConstraints"

// A policyRoot is an entry of that policy. Chromium wants constraints beside the
// certificate, and enforces the certificate's own as well.
type policyRoot struct {
	Certificate []byte            `json:"certificate"`
	Constraints policyConstraints `json:"constraints"`
}

type policyConstraints struct {
	DNS   []string `json:"permitted_dns_names,omitempty"`
	CIDRs []string `json:"permitted_cidrs,omitempty"`
}

type policySet struct {
	Roots []policyRoot `json:"CACertificatesWithConstraints"`
}

func (p *chromiumPolicy) file() string           { return path.Join(p.dir, "picoca.json") }
func (p *chromiumPolicy) where() (Store, string) { return Chromium, p.file() }

func (p *chromiumPolicy) read() (policySet, error) {
	var set policySet
	data, err := p.c.read(p.file())
	if err != nil || data == nil {
		return set, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&set); err != nil {
		return set, damaged(p.file(), err)
	}
	return set, nil
}

func damaged(file string, err error) error {
	return fault.With(fmt.Errorf("%s is damaged, so picoca leaves it alone: %w", file, err),
		fault.Hintf("correct or delete %s, then run %s again", file, fault.Command{"trust"}))
}

func (p *chromiumPolicy) look(_ context.Context, roots []root) (contents, error) {
	var found contents
	set, err := p.read()
	for _, entry := range set.Roots {
		if cert, err := x509.ParseCertificate(entry.Certificate); err == nil {
			found.note(roots, cert.Raw, nameOf(cert), true)
		}
	}
	return found, err
}

func (p *chromiumPolicy) install(_ context.Context, roots []root) (work, error) {
	if other := p.conflict(); other != "" {
		return work{}, fault.With(fmt.Errorf("%s sets %s already, and Chromium reads only one file's", other, constrained),
			fault.Hintf("add the root there, or %s", fault.Command{"trust", "--store", "chromium"}))
	}
	set, err := p.read()
	if err != nil {
		return work{}, err
	}
	for _, r := range roots {
		constraints := constraintsOf(r.Certificate)
		if constraints.DNS == nil && constraints.CIDRs == nil {
			return work{}, fault.With(errors.New("root has no name constraints, which Chromium's policy demands"),
				fault.Run("trust", "--store", "chromium"))
		}
		set.Roots = append(set.Roots, policyRoot{r.Raw, constraints})
	}
	return p.write(set)
}

// conflict returns a file of others that sets the same policy.
func (p *chromiumPolicy) conflict() string {
	for _, file := range p.c.glob(path.Join(p.dir, "*")) {
		if data, _ := p.c.read(file); file != p.file() && bytes.Contains(data, []byte(`"`+constrained+`"`)) {
			return file
		}
	}
	return ""
}

// constraintsOf writes a root's name constraints as the policy does: a domain
// stands for itself and all below it.
func constraintsOf(cert *x509.Certificate) policyConstraints {
	var c policyConstraints
	permitted := ca.ConstraintsOf(cert)
	for _, domain := range permitted.Domains() {
		c.DNS = append(c.DNS, strings.TrimPrefix(domain, "."))
	}
	for _, block := range permitted.Prefixes() {
		c.CIDRs = append(c.CIDRs, block.String())
	}
	return c
}

func (p *chromiumPolicy) remove(_ context.Context, roots []root) (work, error) {
	set, err := p.read()
	if err != nil {
		return work{}, err
	}
	set.Roots = slices.DeleteFunc(set.Roots, func(entry policyRoot) bool {
		return slices.ContainsFunc(roots, func(r root) bool { return bytes.Equal(r.Raw, entry.Certificate) })
	})
	if len(set.Roots) == 0 {
		return work{steps: []Step{asRoot("rm", "-f", p.file())}}, nil
	}
	return p.write(set)
}

func (p *chromiumPolicy) write(set policySet) (work, error) {
	data, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return work{}, err
	}
	staged := path.Base(path.Dir(path.Dir(p.dir))) + "-picoca.json" // one for each browser
	return replace(staged, append(data, '\n'), p.file()), nil
}

// replace plans to put a file in place of another in one moment. The name of the
// new file means nothing to the programs that read the folder.
func replace(staged string, data []byte, file string) work {
	next := file + ".picoca-new"
	return work{
		steps: []Step{asRoot("install", "-D", "-m", "0644", staged, next), asRoot("mv", "-f", next, file)},
		undo:  []Step{asRoot("rm", "-f", next)},
		files: []File{{staged, data}},
	}
}
