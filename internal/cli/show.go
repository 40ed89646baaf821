package cli

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

func (a *app) showCommand() *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use: "show NAME|ca",
		Example: `  picoca show pico.local
  picoca show broker.local --fingerprint sha1 --plain`,
		Args: args(1, 1, "the name of a device or an identity, or ca"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkShow(cmd, o); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runShow(c, args[0], o) })
		},
	}
	cmd.Flags().StringVar(&o.fingerprint, "fingerprint", "", "print only the fingerprint of this `KIND`: sha256, sha1, or spki of the public key")
	cmd.Flags().BoolVar(&o.plain, "plain", false, "print the fingerprint as lower-case hexadecimal digits without colons")
	a.addJSON(cmd)
	return cmd
}

type showOptions struct {
	fingerprint string
	plain       bool
}

func (a *app) checkShow(cmd *cobra.Command, o showOptions) error {
	switch {
	case o.plain && o.fingerprint == "":
		return usageFault(cmd, errors.New("--plain is for --fingerprint"))
	case a.json && o.fingerprint != "":
		return usageFault(cmd, errors.New("--json has every fingerprint: leave out --fingerprint"))
	}
	return nil
}

func (a *app) runShow(c *pki.CA, name string, o showOptions) error {
	switch {
	case o.fingerprint != "":
		return a.showFingerprint(c, name, o)
	case name == pki.TheCA:
		return a.showRoot(c)
	}
	return a.showLeaf(c, name)
}

// showFingerprint prints a single fingerprint, in the form that a device takes.
func (a *app) showFingerprint(c *pki.CA, name string, o showOptions) error {
	cert, err := c.CertificateOf(name)
	if err != nil {
		return err
	}
	text, err := ca.FingerprintOf(cert, ca.FingerprintKind(o.fingerprint), o.plain)
	if err != nil {
		return err
	}
	a.say("%s", text)
	return nil
}

// shownRootJSON is the root as show ca --json prints it.
type shownRootJSON struct {
	pki.RootDescription
	KeyIn pki.KeyDescription `json:"key_in"`
}

// keyPlace says where the root's key is.
func keyPlace(k pki.KeyDescription) string {
	switch {
	case k.Place == store.KeyElsewhere:
		return "not here"
	case k.Place == store.KeyFile && k.Encrypted:
		return "a file, encrypted under a passphrase"
	case k.Place == store.KeyFile:
		return "a file, not encrypted"
	case k.Missing != "":
		return fmt.Sprintf("the SSH agent, %q %s, which cannot sign now: %s", k.Comment, k.Fingerprint, k.Missing)
	}
	return fmt.Sprintf("the SSH agent, %q %s, which holds it now", k.Comment, k.Fingerprint)
}

func (a *app) showRoot(c *pki.CA) error {
	root, err := c.Root()
	if err != nil {
		return err
	}
	status, err := c.KeyStatus(root)
	if err != nil {
		return err
	}
	described := shownRootJSON{pki.DescribeRoot(root.Certificate), status.Describe()}
	if a.json {
		return a.printJSON(described)
	}
	return terminal.WriteTable(a.Stdout, slices.Concat([]terminal.Row{
		{"name", described.Name},
		{"key", ca.KeyType(described.Key).String()},
		{"serial", described.Serial},
		{"valid", a.period(root.Certificate)},
	}, wide("can vouch for", permittedWords(root.Certificate)), []terminal.Row{
		{"SHA-256", described.SHA256},
		{"SHA-1", described.SHA1},
		{"stored in", c.RootPath(root)},
		{"key in", keyPlace(described.KeyIn)},
	}, a.otherRoots(c)))
}

// otherRoots is a row that names the list of roots, if there are several.
func (a *app) otherRoots(c *pki.CA) []terminal.Row {
	roots, err := c.Roots()
	if err != nil || len(roots) < 2 {
		return nil
	}
	return []terminal.Row{{"roots", fmt.Sprintf("%d: %s", len(roots), a.command("root", "list"))}}
}

func permittedWords(root *x509.Certificate) []string {
	words := ca.ConstraintsOf(root).Permitted()
	if c := ca.ConstraintsOf(root); c.NoAddress() {
		words = append(words, "no address")
	} else if len(c.Prefixes()) == 0 {
		words = append(words, "any address")
	}
	if root.PermittedDNSDomainsCritical {
		words = append(words, "(critical constraints)")
	}
	return words
}

// shownJSON is a certificate as show --json prints it.
type shownJSON struct {
	pki.Description
	CertificateBytes int    `json:"certificate_bytes"`
	SHA1             string `json:"sha1"`
	SPKI             string `json:"spki_sha256"`
	Root             string `json:"root"`
	Folder           string `json:"folder"`
	WrittenTo        string `json:"written_to,omitempty"`
	// UpdatesPort is where the board takes its certificate over HTTPS, UpdateIdentity
	// the SHA-256 of whom it takes it from.
	UpdatesPort    int    `json:"updates_port,omitempty"`
	UpdateIdentity string `json:"update_identity_sha256,omitempty"`
}

func (a *app) showLeaf(c *pki.CA, input string) error {
	issued, err := c.Find(input)
	if err != nil {
		return err
	}
	leaf := issued.Leaf
	shown := shownJSON{
		Description: pki.Describe(issued), CertificateBytes: len(leaf.Raw), SHA1: ca.FingerprintSHA1(leaf), SPKI: ca.FingerprintSPKI(leaf),
		Root: issued.Root.Certificate.Subject.CommonName, Folder: c.Path(issued), WrittenTo: issued.Record.Folder,
	}
	shown.UpdatesPort, shown.UpdateIdentity = updatesOf(c, issued)
	if a.json {
		return a.printJSON(shown)
	}
	return terminal.WriteTable(a.Stdout, slices.Concat(headOf(issued), []terminal.Row{
		{"key", keyText(issued)},
		{"serial", shown.Serial},
		{"valid", a.period(leaf)},
		{"issued by", issuerText(issued.Root)},
		{"size", terminal.Count(shown.CertificateBytes, "byte") + " of DER"},
		{"SHA-256", shown.SHA256},
		{"SHA-1", shown.SHA1},
		{"stored in", shown.Folder},
		{"written to", cmp.Or(shown.WrittenTo, "not recorded")},
	}, pushedRow(issued), shown.updatesRow()))
}

// pushedRow is the row of the device that has the files, if picoca put them
// there.
func pushedRow(i store.Issued) []terminal.Row {
	place := i.Record.Pushed
	if place == nil {
		return nil
	}
	text := place.To
	if place.BoardID != "" {
		text += ", board " + place.BoardID
	}
	if place.At.IsZero() {
		return []terminal.Row{{"not yet on", text}}
	}
	return []terminal.Row{{"pushed to", text + ", on " + pki.Day(place.At)}}
}

// issuerText names a certificate's root.
func issuerText(root store.Root) string {
	name := root.Certificate.Subject.CommonName
	if root.Retired != nil {
		name += fmt.Sprintf(" (retired %s)", pki.Day(*root.Retired))
	}
	return name
}

// headOf are the first rows: who the certificate is for, and whether it is
// revoked.
func headOf(i store.Issued) []terminal.Row {
	rows := []terminal.Row{{"name", pki.DisplayName(i.Record.Name)}}
	if pki.KindOf(i) == pki.Delegated {
		return append(rows, terminal.Row{"kind", "delegated CA"}, terminal.Row{"program", cmp.Or(i.Record.For, "its own request")})
	}
	if pki.KindOf(i) == pki.Identity {
		rows = append(rows, terminal.Row{"kind", string(pki.Identity)})
		if wifi := i.Record.WiFi; wifi != nil {
			rows = append(rows, terminal.Row{"Wi-Fi", wifi.SSID + ", RADIUS server " + wifi.RadiusDomain})
		}
	} else {
		rows = append(slices.Concat(rows, wide("names", each(ca.NamesOf(i.Leaf), pki.DisplayName))), terminal.Row{"for", cmp.Or(i.Record.For, "not recorded")})
	}
	if i.Revoked != nil {
		rows = append(rows, terminal.Row{"status", revokedText(pki.Describe(i).Revoked)})
	}
	if pki.IsAlsoClient(i) {
		rows = append(rows, terminal.Row{"uses", "server and client"})
	}
	return rows
}

func (a *app) period(cert *x509.Certificate) string {
	return fmt.Sprintf("%s to %s", pki.Day(cert.NotBefore), a.until(cert.NotBefore, cert.NotAfter))
}
