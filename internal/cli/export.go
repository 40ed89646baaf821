package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

type exportOptions struct {
	name     string
	format   string
	out      string
	force    bool
	json     bool
	webClips []string
	sign     string
	p12      p12Flags
	// given tells which flags the user set.
	given func(flag string) bool
}

func (a *app) exportCommand() *cobra.Command {
	var o exportOptions
	var list bool
	cmd := &cobra.Command{
		Use:   "export NAME|LABEL|ca",
		Short: "Write the files of a device, an identity or the CA again",
		Long: `Writes the newest certificate of a device or a client identity and its key, or
the root certificate ("ca"), in a format of your choice: --list tells who reads
which. The root's key never leaves the store.

--out is a folder for a device or a client identity (default: its name), and a
file or a folder for the ca; - is standard output, for formats of one file.`,
		Example: `  picoca export --list
  picoca export pico.local --format c-header
  picoca export ca --format mobileconfig --web-clip pico.local
  picoca export ca --format der --out - | sha256sum`,
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return exactly(0, "none beside --list")(cmd, args)
			}
			return exactly(1, "a device's name, a client identity's label, or ca")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listFormats(o.json)
			}
			o.name, o.given = args[0], cmd.Flags().Changed
			return a.runExport(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "pem", "format of the files: see --list (default for a device or a client identity: what issue writes)")
	f.BoolVar(&list, "list", false, "list the formats, and who reads them")
	f.StringVar(&o.out, "out", "", "where to write to; - is standard output")
	f.BoolVar(&o.force, "force", false, "replace files that are there; allow a weak passphrase")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.StringArrayVar(&o.webClips, "web-clip", nil, "`NAME[=URL]` of a device whose page gets an icon on the home screen (mobileconfig; repeatable)")
	f.StringVar(&o.sign, "sign", "", "`NAME` of a device or client identity that signs the profile (mobileconfig)")
	o.p12.add(cmd)
	return cmd
}

func (a *app) runExport(ctx context.Context, o exportOptions) (err error) {
	if _, err := export.Find(o.format); err != nil {
		return err
	}
	if o.out == "-" && o.json {
		return usageError{errors.New("--json and --out - both want standard output"), "picoca export"}
	}
	s, err := a.openToRead()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e, err := a.prepareExport(s, o)
	if err != nil {
		return err
	}
	files, err := e.render()
	if err != nil {
		return err
	}
	if o.out == "-" {
		if err := a.pipe(files, o.force); err != nil {
			return err
		}
		a.tellExportedP12(e)
		return nil
	}
	if err := lockForOutput(ctx, s, a.waiting); err != nil {
		return err
	}
	written, err := e.write(files)
	if err != nil {
		return err
	}
	return a.tellExported(e, written)
}

// openToRead opens the store, whose root may have expired.
func (a *app) openToRead() (*store.Store, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	return store.Open(dir)
}

// lockForOutput takes the store's lock, so that no other picoca writes to the
// same place. A store on a medium that cannot be written to needs none.
func lockForOutput(ctx context.Context, s *store.Store, waiting func(string)) error {
	err := s.Lock(ctx, waiting)
	if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// exporting is one run of export: what was decided so far.
type exporting struct {
	options exportOptions
	subject subject
	formats []string
	bundle  export.Bundle
	p12     p12Choice // zero where nothing is encrypted
}

func (a *app) prepareExport(s *store.Store, o exportOptions) (*exporting, error) {
	e := &exporting{options: o}
	var err error
	if e.subject, err = find(s, o.name); err != nil {
		return nil, err
	}
	if e.formats, err = o.formats(s, e.subject); err != nil {
		return nil, err
	}
	if err := errors.Join(e.choosePassphrase(a), e.checkFlags()); err != nil {
		return nil, err
	}
	if e.bundle, err = e.load(s); err != nil {
		return nil, err
	}
	if ended := e.ended(a.Now()); ended != nil {
		a.note("%v", ended)
	}
	return e, e.decorate(a, s)
}

// formats are the one that the user names, or else what issue wrote.
func (o exportOptions) formats(s *store.Store, who subject) ([]string, error) {
	switch {
	case o.given("format") || who.kind == theCA:
		return []string{o.format}, nil
	case who.kind == aClient:
		return clientFormats, nil
	}
	about, err := s.About(who.issued)
	if err != nil {
		return nil, err
	}
	board, err := device.Find(about.Board)
	if err != nil {
		return nil, err
	}
	if board, err = running(board, about.Firmware); err != nil {
		return nil, err
	}
	return boardFormats(board, about.Firmware, about.Key)
}

// ended is an endedError for a leaf that is not valid any more.
func (e *exporting) ended(now time.Time) error {
	if leaf := e.bundle.Leaf; leaf != nil && now.After(leaf.NotAfter) {
		return endedError{e.subject, leaf.NotAfter}
	}
	return nil
}

func formFor(format export.Format, kind string) func(export.Bundle) ([]export.File, error) {
	switch kind {
	case theCA:
		return format.CA
	case aClient:
		return format.Client
	}
	return format.Device
}

// wrongFormatError says that a format has no form for what is exported.
type wrongFormatError struct{ format, what string }

func (e wrongFormatError) Error() string {
	return fmt.Sprintf("format %q is not for %s", e.format, e.what)
}

// choosePassphrase decides how a .p12 is encrypted, if there will be one.
func (e *exporting) choosePassphrase(a *app) (err error) {
	o, kind := e.options, e.subject.kind
	switch {
	case !e.hasP12():
		return nil
	case kind == theCA:
		e.p12, err = a.trustP12(o.p12)
		return err
	case kind == aClient:
		e.p12, err = a.keyP12(o.p12, export.LegacyDES, o.force)
	default:
		e.p12, err = a.keyP12(o.p12, export.Modern2023, o.force)
	}
	return errors.Join(err, a.checkScreen(e.p12, o.p12))
}

func (e *exporting) hasP12() bool {
	return e.has("p12") || e.has("mobileconfig") && e.subject.kind == aClient
}

func (e *exporting) has(format string) bool { return slices.Contains(e.formats, format) }

// checkFlags refuses flags that change nothing in the format.
func (e *exporting) checkFlags() error {
	var faults []error
	idle := func(used bool, flags ...string) {
		for _, flag := range flags {
			if !used && e.options.given(flag) {
				faults = append(faults, usageError{fmt.Errorf("--%s changes nothing in format %s of %s", flag, strings.Join(e.formats, ", "), e.subject.kind), "picoca export"})
			}
		}
	}
	idle(e.has("mobileconfig"), "web-clip", "sign")
	idle(e.hasP12(), p12FlagNames...)
	return errors.Join(faults...)
}

// load reads what the format draws from.
func (e *exporting) load(s *store.Store) (export.Bundle, error) {
	root, err := s.RootCertificate()
	if err != nil || e.subject.kind == theCA {
		return export.Bundle{Root: root, P12: e.p12.P12}, err
	}
	leaf, err := s.Certificate(e.subject.issued)
	if err != nil {
		return export.Bundle{}, err
	}
	key, err := s.Key(e.subject.issued)
	return export.Bundle{Root: root, Leaf: leaf, Key: key, Stem: e.subject.stem(), P12: e.p12.P12}, err
}

// decorate adds what only an Apple profile has.
func (e *exporting) decorate(a *app, s *store.Store) error {
	if len(e.options.webClips) > 0 {
		authority, err := ca.NewAuthority(e.bundle.Root, a.Now())
		if err != nil {
			return err
		}
		if e.bundle.WebClips, err = parseWebClips(e.options.webClips, authority); err != nil {
			return err
		}
	}
	if e.options.given("sign") {
		signer, err := a.profileSigner(s, e.options.sign)
		if err != nil {
			return err
		}
		e.bundle.Signer = signer
	}
	return nil
}

func (e *exporting) render() ([]export.File, error) {
	return renderAll(e.formats, e.subject.kind, e.bundle)
}

var (
	errManyFiles = errors.New("format has several files, and standard output takes one")
	errBinary    = errors.New("format is binary, and standard output is a terminal")
)

func (a *app) pipe(files []export.File, force bool) error {
	if len(files) != 1 {
		return errManyFiles
	}
	if isTerminal(a.Stdout) && isBinary(files[0].Data) && !force {
		return errBinary
	}
	_, err := a.Stdout.Write(files[0].Data)
	return err
}

// isBinary reports whether a terminal would take a part of data for commands.
func isBinary(data []byte) bool {
	odd := func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }
	return !utf8.Valid(data) || bytes.ContainsFunc(data, odd)
}

// write writes the root's one file to a file, all others to a folder.
func (e *exporting) write(files []export.File) ([]writtenJSON, error) {
	if e.subject.kind == theCA {
		return writeFile(e.options.out, e.bundle.Root, files[0], e.options.force)
	}
	return writeFiles(cmp.Or(e.options.out, e.subject.stem()), e.bundle.Root, files, e.options.force, false)
}

// writeFile writes a file beside others: to out, or under its own name into out
// if that is a folder, or reads as one.
func writeFile(out string, root *x509.Certificate, file export.File, force bool) ([]writtenJSON, error) {
	dir := cmp.Or(out, ".")
	if info, err := os.Stat(dir); (err != nil || !info.IsDir()) && !os.IsPathSeparator(dir[len(dir)-1]) {
		dir, file.Name = filepath.Dir(out), filepath.Base(out)
	}
	return writeFiles(dir, root, []export.File{file}, force, true)
}

// writeFiles writes files to a folder; beside other files if shared.
func writeFiles(dir string, root *x509.Certificate, files []export.File, force, shared bool) (_ []writtenJSON, err error) {
	d, err := openDestination(dir, root, force || shared)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if !force {
		if err := d.vacant(files); err != nil {
			return nil, err
		}
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	if err := d.stage(files); err != nil {
		return nil, err
	}
	if err := d.commit(); err != nil {
		return nil, err
	}
	return describeFiles(dir, files), nil
}

// exportedJSON is the result of export as --json prints it.
type exportedJSON struct {
	Files      []writtenJSON `json:"files"`
	Passphrase string        `json:"passphrase,omitempty"`
}

func (a *app) tellExported(e *exporting, written []writtenJSON) error {
	a.tellExportedP12(e)
	if e.options.json {
		return a.printJSON(exportedJSON{written, e.p12.jsonPassphrase(e.options.p12)})
	}
	a.sayWritten(written)
	return nil
}

// tellExportedP12 tells the passphrase, wherever the file goes.
func (a *app) tellExportedP12(e *exporting) {
	if e.p12.Passphrase == export.TrustStorePassphrase {
		a.note("the passphrase of the .p12 is %s, as Java has it: a trust store holds nothing secret", e.p12.Passphrase)
		return
	}
	a.tellPassphrase(e.p12, e.options.p12, e.options.json)
}
