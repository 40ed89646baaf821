package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

type exportOptions struct {
	name   string
	format string
	out    string
	force  bool
	json   bool
}

func (a *app) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export NAME|ca",
		Short: "Write a device's files, or the CA's certificate, again",
		Long: `Writes the newest certificate of a device and its key, or the root
certificate ("ca"), in a format of your choice. The root's key never leaves
the store.

--out is a folder for a device (default: its name) and a file for the ca;
- is standard output, for formats of one file.`,
		Example: `  picoca export pico.local --format pem
  picoca export ca --format pem
  picoca export ca --format der --out - | sha256sum`,
		Args: exactly(1, "a device's name, or ca"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			return a.runExport(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "pem", "format of the files: der, pem, pkcs8")
	f.StringVar(&o.out, "out", "", "where to write to; - is standard output")
	f.BoolVar(&o.force, "force", false, "replace files that are there")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func (a *app) runExport(ctx context.Context, o exportOptions) (err error) {
	format, err := export.Find(o.format)
	if err != nil {
		return err
	}
	dir, err := a.home()
	if err != nil {
		return err
	}
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	files, err := o.render(s, format)
	if err != nil {
		return err
	}
	if o.out == "-" {
		return a.pipe(files)
	}
	if err := lockForOutput(ctx, s, a.waiting); err != nil {
		return err
	}
	written, err := o.write(files)
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(struct {
			Files []writtenJSON `json:"files"`
		}{written})
	}
	a.sayWritten(written)
	return nil
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

// wrongFormatError says that a format has no form for what is exported.
type wrongFormatError struct{ format, what string }

func (e wrongFormatError) Error() string {
	return fmt.Sprintf("format %q is not for %s", e.format, e.what)
}

// render renders the root, or a device, whose name it puts in canonical form.
func (o *exportOptions) render(s *store.Store, format export.Format) ([]export.File, error) {
	root, err := s.RootCertificate()
	if err != nil {
		return nil, err
	}
	if o.name == "ca" {
		if format.CA == nil {
			return nil, wrongFormatError{format.ID, "the ca"}
		}
		return format.CA(export.Bundle{Root: root})
	}
	if format.Device == nil {
		return nil, wrongFormatError{format.ID, "a device"}
	}
	name, issued, err := find(s, o.name)
	if err != nil {
		return nil, err
	}
	o.name = name.String()
	leaf, err := s.Certificate(issued)
	if err != nil {
		return nil, err
	}
	key, err := s.Key(issued)
	if err != nil {
		return nil, err
	}
	return format.Device(export.Bundle{Root: root, Leaf: leaf, Key: key})
}

// notIssuedError says that a device has no certificate.
type notIssuedError struct{ name string }

func (e notIssuedError) Error() string { return fmt.Sprintf("no certificate for %q", e.name) }

// find returns the newest certificate of a device, whose name may be spelled
// as people spell it.
func find(s *store.Store, input string) (ca.Name, store.Issued, error) {
	names, err := ca.ParseNames([]string{input})
	if err != nil {
		return ca.Name{}, store.Issued{}, err
	}
	issued, err := s.Latest(names.First().String())
	if errors.Is(err, store.ErrNotIssued) {
		err = notIssuedError{input}
	}
	return names.First(), issued, err
}

var errManyFiles = errors.New("format has several files, and standard output takes one")

func (a *app) pipe(files []export.File) error {
	if len(files) != 1 {
		return errManyFiles
	}
	_, err := a.Stdout.Write(files[0].Data)
	return err
}

// write writes the root's one file to a file, a device's files to a folder.
func (o exportOptions) write(files []export.File) ([]writtenJSON, error) {
	dir := o.out
	if o.name == "ca" {
		dir = filepath.Dir(o.out) // "." without --out
		if o.out != "" {
			files[0].Name = filepath.Base(o.out)
		}
		return writeFiles(dir, files, o.force, true)
	}
	if dir == "" {
		dir = store.FolderName(o.name)
	}
	return writeFiles(dir, files, o.force, false)
}

// writeFiles writes files to a folder; beside other files if shared.
func writeFiles(dir string, files []export.File, force, shared bool) (_ []writtenJSON, err error) {
	d, err := openDestination(dir, force || shared)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if !force {
		if err := d.vacant(files); err != nil {
			return nil, err
		}
	}
	if err := d.stage(files); err != nil {
		return nil, err
	}
	if err := d.commit(); err != nil {
		return nil, err
	}
	return describeFiles(dir, files), nil
}
