package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/store"
)

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME|LABEL|ca",
		Short: "Show the certificate of a name or the CA, with its fingerprints",
		Args:  exactly(1, "a device's name, a client identity's label, or ca"),
		RunE:  func(_ *cobra.Command, args []string) error { return a.runShow(args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the certificate as JSON")
	return cmd
}

func (a *app) runShow(name string, asJSON bool) (err error) {
	s, err := a.openToRead()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if name == "ca" {
		return a.showRoot(s, asJSON)
	}
	return a.showDevice(s, name, asJSON)
}

func (a *app) showRoot(s *store.Store, asJSON bool) error {
	cert, err := s.RootCertificate()
	if err != nil {
		return err
	}
	described := describeRoot(cert)
	if asJSON {
		return a.printJSON(described)
	}
	permitted := described.Permitted
	if described.Strict {
		permitted = append(permitted, "(critical)")
	}
	return a.table(slices.Concat([][2]string{
		{"name", described.Name},
		{"key", keyTitle(described.Key)},
		{"serial", described.Serial},
		{"valid", a.period(cert)},
	}, wide("vouches for", permitted), [][2]string{
		{"SHA-256", described.SHA256},
		{"SHA-1", described.SHA1},
		{"stored in", s.Path("root")},
	}))
}

// shownJSON is a device's certificate as --json prints it.
type shownJSON struct {
	store.About
	CertificateBytes int    `json:"certificate_bytes"`
	SHA1             string `json:"sha1"`
	Folder           string `json:"folder"`
}

func (a *app) showDevice(s *store.Store, input string, asJSON bool) error {
	subject, err := find(s, input)
	if err != nil {
		return err
	}
	about, err := s.About(subject.issued)
	if err != nil {
		return err
	}
	cert, err := s.Certificate(subject.issued)
	if err != nil {
		return err
	}
	folder := s.Path(subject.issued.Place())
	if asJSON {
		return a.printJSON(shownJSON{about, len(cert.Raw), fingerprint1(cert), folder})
	}
	what := slices.Concat([][2]string{{"name", subject.display}}, wide("names", displayed(about.Names)), [][2]string{{"board", strings.TrimSpace(about.Board + " " + about.Firmware)}})
	if subject.kind == aClient {
		what = [][2]string{{"label", subject.display}, {"kind", about.Kind}}
	}
	return a.table(append(what, [][2]string{
		{"key", keyTitle(about.Key)},
		{"serial", about.Serial},
		{"valid", a.period(cert)},
		{"size", bytesText(len(cert.Raw)) + " of DER"},
		{"SHA-256", fingerprint(cert)},
		{"SHA-1", fingerprint1(cert)},
		{"stored in", folder},
	}...))
}

func (a *app) period(cert *x509.Certificate) string {
	return fmt.Sprintf("%s to %s", day(cert.NotBefore), a.until(cert.NotAfter))
}

// table prints rows of a label and a text.
func (a *app) table(rows [][2]string) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	return w.Flush()
}

// wide are as many rows as words need, the label in the first.
func wide(label string, words []string) [][2]string {
	var rows [][2]string
	for _, line := range fold(strings.Join(words, " "), lineWidth-len("vouches for  ")) {
		rows = append(rows, [2]string{label, line})
		label = ""
	}
	return rows
}
