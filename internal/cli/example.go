package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

type exampleOptions struct {
	name      string
	firmware  string
	out       string
	mutualTLS bool
	force     bool
	json      bool
}

func (a *app) exampleCommand() *cobra.Command {
	var o exampleOptions
	cmd := &cobra.Command{
		Use:   "example NAME",
		Short: "Write a whole project: a web app that the board serves over HTTPS",
		Long: `Writes the smallest whole project that serves a web app over HTTPS from a
board: its program, the page, which can be added to a phone's home screen, and
the newest certificate of NAME with its key.`,
		Example: `  picoca example pico.local
  picoca example pico.local --firmware circuitpython@10
  picoca example pico.local --firmware micropython --mutual-tls`,
		Args: exactly(1, "a device's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			return a.runExample(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.firmware, "firmware", "", "firmware of the board: "+exampleIDs()+"; a version, as micropython@1.28, picks its files (default: the board's first)")
	f.StringVar(&o.out, "out", "", "folder for the project (default: the name and the firmware)")
	f.BoolVar(&o.mutualTLS, "mutual-tls", false, "let in only visitors with a certificate of your CA")
	f.BoolVar(&o.force, "force", false, "replace files that are there, all but your Wi-Fi's password")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

// exampleJSON is the result of example as --json prints it.
type exampleJSON struct {
	Name      string        `json:"name"`
	Firmware  string        `json:"firmware"`
	MutualTLS bool          `json:"mutual_tls"`
	Folder    string        `json:"folder"`
	Files     []writtenJSON `json:"files"`
	// Kept are files that the user has filled in.
	Kept []string `json:"kept"`
}

func (a *app) runExample(ctx context.Context, o exampleOptions) (err error) {
	s, err := a.openToRead()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e, err := o.prepare(s)
	if err != nil {
		return err
	}
	if err := lockForOutput(ctx, s, a.waiting); err != nil {
		return err
	}
	r, err := e.write()
	if err != nil {
		return err
	}
	return a.tellExample(r, e.firmware, o.json)
}

// exampling is one run of example: what will be written, and where to.
type exampling struct {
	options  exampleOptions
	firmware example.Firmware
	project  example.Project
	folder   string
	files    []export.File
}

func (o exampleOptions) prepare(s *store.Store) (*exampling, error) {
	who, about, err := findDevice(s, o.name)
	if err != nil {
		return nil, err
	}
	e := &exampling{options: o}
	if e.firmware, e.project, err = o.plan(about); err != nil {
		return nil, err
	}
	e.folder = cmp.Or(o.out, store.FolderName(about.Name)+"-"+e.firmware.ID)
	if e.project.Folder, err = nameOfFolder(e.folder); err != nil {
		return nil, err
	}
	if e.project.Bundle, err = (&exporting{subject: who}).load(s); err != nil {
		return nil, err
	}
	e.files, err = e.firmware.Render(e.project)
	return e, err
}

// write writes the project, over the one that is there if the user said so.
func (e *exampling) write() (exampleJSON, error) {
	r := exampleJSON{e.project.Name, e.firmware.ID, e.options.mutualTLS, e.folder, nil, []string{}}
	files, force := e.files, e.options.force
	var err error
	if force {
		if files, r.Kept, err = keepSecrets(e.folder, e.firmware.Secrets(), files); err != nil {
			return r, err
		}
	}
	r.Files, err = writeFolders(e.folder, e.project.Bundle.Root, files, force)
	return r, err
}

// nameOfFolder returns the name of a folder, which "." and ".." do not tell.
func nameOfFolder(folder string) (string, error) {
	whole, err := filepath.Abs(folder)
	if err != nil {
		return "", fmt.Errorf("output %q: %w", folder, err)
	}
	return filepath.Base(whole), nil
}

// notDeviceError says that a name is not a device's.
type notDeviceError struct{ who subject }

func (e notDeviceError) Error() string {
	return fmt.Sprintf("%q is %s, not a device", e.who.display, e.who.kind)
}

// findDevice returns a device and what is known of its newest certificate.
func findDevice(s *store.Store, input string) (subject, store.About, error) {
	who, err := find(s, input)
	if err != nil {
		return subject{}, store.About{}, err
	}
	if who.kind != aDevice {
		return subject{}, store.About{}, notDeviceError{who}
	}
	about, err := s.About(who.issued)
	return who, about, err
}

// smallBoardError says that no example fits into a board.
type smallBoardError struct{ board device.Board }

func (e smallBoardError) Error() string {
	return fmt.Sprintf("%s has %d KB of memory, an example needs %d", e.board.Name, e.board.RAMKB, example.MinRAMKB)
}

// plan chooses the firmware, and the format of its files, by the board.
func (o exampleOptions) plan(about store.About) (example.Firmware, example.Project, error) {
	board, err := device.Find(about.Board)
	if err != nil {
		return example.Firmware{}, example.Project{}, err
	}
	if board.RAMKB > 0 && board.RAMKB < example.MinRAMKB {
		return example.Firmware{}, example.Project{}, smallBoardError{board}
	}
	release, err := device.ParseRelease(cmp.Or(o.firmware, board.Firmware[0].ID))
	if err != nil {
		return example.Firmware{}, example.Project{}, err
	}
	firmware, err := example.Find(release.ID)
	if err != nil {
		return example.Firmware{}, example.Project{}, err
	}
	format, err := formatFor(board, release, firmware, about)
	return firmware, example.Project{Name: about.Name, Format: format, MutualTLS: o.mutualTLS}, err
}

// versionError says that there is no example for a version of a firmware.
type versionError struct {
	name, firmware string // of the device, and without the version
	release        device.Release
	fault          string
	known          []string // versions, if the version is none of them
}

func (e versionError) Error() string { return fmt.Sprintf("firmware %q %s", e.release, e.fault) }

// formatFor is the format that the firmware's version loads. It fails with a
// versionError if the project does not run there, or nobody knows.
func formatFor(board device.Board, release device.Release, firmware example.Firmware, about store.About) (string, error) {
	runs := device.Firmware{ID: firmware.ID, Versions: firmware.Since + " - 9999"} // the last that can be told
	if _, err := (device.Board{Firmware: []device.Firmware{runs}}).Covering(release); err != nil {
		return "", versionError{about.Name, firmware.ID, release, "is older than " + firmware.Since + ", the first that runs the example", nil}
	}
	board = knowing(board, release)
	rows, err := board.Covering(release)
	if err != nil {
		return "", versionError{about.Name, firmware.ID, release, "is not known for " + board.Name, versionsOf(board, release)}
	}
	return device.FormatFor(rows, about.Key)
}

// versionsOf lists the versions of the firmware that a board's file tells of.
func versionsOf(board device.Board, release device.Release) []string {
	var versions []string
	for _, row := range board.Firmware {
		if row.ID == release.ID && !slices.Contains(versions, row.Versions) {
			versions = append(versions, row.Versions)
		}
	}
	return versions
}

// knowing returns a board whose file tells of the firmware. People put another
// firmware onto a board than its file has, or a computer's certificate onto
// some board: those get what loads on all boards that an example fits into.
func knowing(board device.Board, release device.Release) device.Board {
	other := func(f device.Firmware) bool { return f.ID != release.ID }
	if !slices.ContainsFunc(board.Firmware, func(f device.Firmware) bool { return !other(f) }) {
		board = device.Board{Name: "any board"}
		for _, one := range device.All() {
			if one.RAMKB >= example.MinRAMKB {
				board.Firmware = append(board.Firmware, slices.DeleteFunc(slices.Clone(one.Firmware), other)...)
			}
		}
	}
	return board
}

// keepSecrets returns the files without the one for the Wi-Fi's password, and
// its path, if it is there and somebody wrote into it. What else has its name is
// left for whoever writes the files to refuse.
func keepSecrets(folder, secrets string, files []export.File) (_ []export.File, kept []string, err error) {
	whole := filepath.Join(folder, secrets)
	if info, err := os.Lstat(whole); err != nil || !info.Mode().IsRegular() {
		return files, []string{}, nil
	}
	there, err := os.ReadFile(whole)
	if err != nil {
		return nil, nil, fmt.Errorf("output %q: %w", whole, err)
	}
	unchanged := func(f export.File) bool { return f.Name == secrets && bytes.Equal(f.Data, there) }
	if slices.ContainsFunc(files, unchanged) {
		return files, []string{}, nil
	}
	other := slices.DeleteFunc(files, func(f export.File) bool { return f.Name == secrets })
	return other, []string{whole}, nil
}

// writeFolders writes a project, whose files may be one folder deep. The
// folders come one after the other, the project's own first.
func writeFolders(dir string, root *x509.Certificate, files []export.File, force bool) ([]writtenJSON, error) {
	byFolder := map[string][]export.File{}
	for _, file := range files {
		folder := path.Dir(file.Name)
		file.Name = path.Base(file.Name)
		byFolder[folder] = append(byFolder[folder], file)
	}
	folders := slices.Sorted(maps.Keys(byFolder))
	for _, folder := range folders { // before the first is written
		if err := checkFolder(filepath.Join(dir, folder), root, byFolder[folder], force); err != nil {
			return nil, err
		}
	}
	var all []writtenJSON
	for _, folder := range folders {
		written, err := writeFiles(filepath.Join(dir, folder), root, byFolder[folder], force, false)
		if err != nil {
			return nil, err
		}
		all = append(all, written...)
	}
	return all, nil
}

// checkFolder fails if something stands in the way of files. A folder that is
// not there, nor the one that it will be in, has nothing in the way.
func checkFolder(dir string, root *x509.Certificate, files []export.File, force bool) (err error) {
	d, err := openDestination(dir, root, force)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if !force {
		return d.vacant(files)
	}
	return d.replaceable(files)
}

func (a *app) tellExample(r exampleJSON, firmware example.Firmware, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	a.sayWritten(r.Files)
	next := "write your Wi-Fi into " + firmware.Secrets() + ", then " + firmware.Next
	for _, path := range r.Kept {
		a.say("kept  %s: what you wrote into it stays", path)
		next = firmware.Next
	}
	if r.MutualTLS {
		a.say("only devices with a certificate of your CA get in")
	}
	a.say("next: %s", next)
	switch example.ReachOf(r.Name) {
	case example.ReachDNS:
		a.say("next: have the DNS of your router answer for %s: a board announces names such as pico.local, and no other", r.Name)
	case example.ReachAddress:
		a.say("next: have your router give %s to this board each time", r.Name)
	}
	return nil
}

// exampleIDs lists the firmware that there is an example for.
func exampleIDs() string {
	var ids []string
	for _, firmware := range example.All() {
		ids = append(ids, firmware.ID)
	}
	return strings.Join(ids, ", ")
}
