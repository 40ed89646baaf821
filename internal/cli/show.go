package cli

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
)

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME|ca",
		Short: "Show a certificate or the root, with its fingerprints",
		Args:  args(1, 1, "the name of a device or an identity, or ca"),
		RunE:  func(_ *cobra.Command, args []string) error { return a.runShow(args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func (a *app) runShow(name string, asJSON bool) (err error) {
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if name == pki.TheCA {
		return a.showRoot(c, asJSON)
	}
	return a.showLeaf(c, name, asJSON)
}

// rootJSON is the root as --json prints it.
type rootJSON struct {
	Name      string    `json:"name"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Permitted []string  `json:"permitted"`
	Strict    bool      `json:"strict_constraints"`
	SHA256    string    `json:"sha256"`
	SHA1      string    `json:"sha1"`
	KeyIn     *keyJSON  `json:"key_in,omitempty"` // of show ca
}

// keyJSON is where the root's key is.
type keyJSON struct {
	Place       string `json:"place"` // file, agent, elsewhere
	Encrypted   bool   `json:"encrypted"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Comment     string `json:"comment,omitempty"`
	Missing     string `json:"missing,omitempty"` // why it cannot sign now
}

func describeKey(status pki.KeyStatus) *keyJSON {
	described := &keyJSON{Place: string(status.Place), Encrypted: status.Encrypted, Fingerprint: status.Agent.Fingerprint, Comment: status.Agent.Comment}
	if status.Missing != nil {
		described.Missing = status.Missing.Error()
	}
	return described
}

// text is a row of show ca.
func (k *keyJSON) text() string {
	switch {
	case k.Place == string(store.KeyElsewhere):
		return "not here"
	case k.Place == string(store.KeyFile) && k.Encrypted:
		return "a file, encrypted under a passphrase"
	case k.Place == string(store.KeyFile):
		return "a file, not encrypted"
	case k.Missing != "":
		return fmt.Sprintf("the SSH agent, %q %s, which cannot sign now: %s", k.Comment, k.Fingerprint, k.Missing)
	}
	return fmt.Sprintf("the SSH agent, %q %s, which holds it now", k.Comment, k.Fingerprint)
}

func describeRoot(cert *x509.Certificate) rootJSON {
	c := ca.ConstraintsOf(cert)
	permitted := []string{}
	for _, domain := range c.Domains() {
		permitted = append(permitted, dotted(domain))
	}
	for _, prefix := range c.Prefixes() {
		permitted = append(permitted, prefix.String())
	}
	return rootJSON{
		Name: cert.Subject.CommonName, Key: keyOf(cert), Serial: ca.Serial(cert),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, Permitted: permitted, Strict: cert.PermittedDNSDomainsCritical,
		SHA256: ca.Fingerprint(cert), SHA1: ca.FingerprintSHA1(cert),
	}
}

// keyOf returns the key type as the command line has it.
func keyOf(cert *x509.Certificate) string {
	keyType, err := ca.KeyTypeOf(cert.PublicKey)
	if err != nil {
		return cert.PublicKeyAlgorithm.String()
	}
	return string(keyType)
}

func (a *app) showRoot(c *pki.CA, asJSON bool) error {
	root, err := c.Root()
	if err != nil {
		return err
	}
	status, err := c.KeyStatus(root)
	if err != nil {
		return err
	}
	described := describeRoot(root.Certificate)
	described.KeyIn = describeKey(status)
	if asJSON {
		return a.printJSON(described)
	}
	permitted := described.Permitted
	if len(root.Certificate.PermittedIPRanges) == 0 {
		permitted = append(permitted, "any address")
	}
	if described.Strict {
		permitted = append(permitted, "(critical constraints)")
	}
	return a.table(slices.Concat([][2]string{
		{"name", described.Name},
		{"key", ca.KeyType(described.Key).String()},
		{"serial", described.Serial},
		{"valid", a.period(root.Certificate)},
	}, wide("can vouch for", permitted), [][2]string{
		{"SHA-256", described.SHA256},
		{"SHA-1", described.SHA1},
		{"stored in", c.RootPath(root)},
		{"key in", described.KeyIn.text()},
	}, a.otherRoots(c)))
}

// otherRoots is a row that names the list of roots, if there are several.
func (a *app) otherRoots(c *pki.CA) [][2]string {
	roots, err := c.Roots()
	if err != nil || len(roots) < 2 {
		return nil
	}
	return [][2]string{{"roots", fmt.Sprintf("%d: %s", len(roots), a.command("root", "list"))}}
}

// shownJSON is a certificate as show --json prints it.
type shownJSON struct {
	leafJSON
	CertificateBytes int    `json:"certificate_bytes"`
	SHA1             string `json:"sha1"`
	Root             string `json:"root"`
	Folder           string `json:"folder"`
	WrittenTo        string `json:"written_to,omitempty"`
}

func (a *app) showLeaf(c *pki.CA, input string, asJSON bool) error {
	issued, err := c.Find(input)
	if err != nil {
		return err
	}
	leaf, folder := issued.Leaf, c.Path(issued)
	if asJSON {
		return a.printJSON(shownJSON{
			describeLeaf(issued), len(leaf.Raw), ca.FingerprintSHA1(leaf), issued.Root.Certificate.Subject.CommonName, folder, issued.Record.Folder,
		})
	}
	head := headOf(issued)
	if issued.Revoked != nil {
		head = append(head, [2]string{"status", describeLeaf(issued).Revoked.text()})
	}
	return a.table(slices.Concat(head, [][2]string{
		{"key", ca.KeyType(keyOf(leaf)).String()},
		{"serial", ca.Serial(leaf)},
		{"valid", a.period(leaf)},
		{"issued by", issuerText(issued.Root)},
		{"size", bytesText(len(leaf.Raw)) + " of DER"},
		{"SHA-256", ca.Fingerprint(leaf)},
		{"SHA-1", ca.FingerprintSHA1(leaf)},
		{"stored in", folder},
		{"written to", cmp.Or(issued.Record.Folder, "not recorded")},
	}, pushedRow(issued)))
}

// pushedRow is the row of the device that has the files, if picoca put them
// there.
func pushedRow(i store.Issued) [][2]string {
	place := i.Record.Pushed
	if place == nil {
		return nil
	}
	text := place.To
	if place.BoardID != "" {
		text += ", board " + place.BoardID
	}
	if place.At.IsZero() {
		return [][2]string{{"not yet on", text}}
	}
	return [][2]string{{"pushed to", text + ", on " + pki.Day(place.At)}}
}

// issuerText names a certificate's root.
func issuerText(root store.Root) string {
	name := root.Certificate.Subject.CommonName
	if root.Retired != nil {
		name += fmt.Sprintf(" (retired %s)", pki.Day(*root.Retired))
	}
	return name
}

// headOf are the first rows: who the certificate is for.
func headOf(i store.Issued) [][2]string {
	rows := [][2]string{{"name", pki.DisplayName(i.Record.Name)}}
	if pki.KindOf(i) == pki.Identity {
		return append(rows, [2]string{"kind", string(pki.Identity)})
	}
	var names []string
	for _, name := range ca.NamesOf(i.Leaf) {
		names = append(names, pki.DisplayName(name))
	}
	return append(slices.Concat(rows, wide("names", names)), [2]string{"for", cmp.Or(i.Record.For, "not recorded")})
}

func (a *app) period(cert *x509.Certificate) string {
	return fmt.Sprintf("%s to %s", pki.Day(cert.NotBefore), a.until(cert.NotBefore, cert.NotAfter))
}
