package device

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Use is what a certificate is for on a device.
type Use string

// The uses.
const (
	UseServer Use = "server" // the device serves with it
	UseClient Use = "client" // the device shows it to servers
	UseBoth   Use = "both"   // it is a server and a client
	UseTrust  Use = "trust"  // the device only needs the root
)

// single are the uses that data files name.
var single = []Use{UseServer, UseClient, UseTrust}

// parts are what a file may hold: the certificate, its key, the roots to trust,
// their lists of revoked certificates, and the root that issued the certificate.
var parts = []string{"leaf", "key", "ca", "crl", "issuer"}

// Content is what a file holds and how. It has the fields of an export.Spec, in
// the same order: each converts to the other.
type Content struct {
	// Name is the file's base name; {stem} in it stands for the holder's name.
	Name string `json:"name"`
	// Container is der, pem, p12, c-header, ...: see package export.
	Container string `json:"container"`
	// Parts are leaf, key, ca, crl and issuer, in the order in which the file has them.
	Parts []string `json:"parts"`
	// Key is the form of a key in DER or PEM: traditional (SEC1 for EC, PKCS#1 for
	// RSA) or pkcs8.
	Key string `json:"key,omitempty"`
	// Profile names the algorithms of a .p12: legacy-des or modern2023; "" leaves
	// the choice to the caller.
	Profile string `json:"profile,omitempty"`
}

// File is one file for a device.
type File struct {
	Content
	// Form marks alternatives: of files with form der and files with form pem,
	// only those are written that all versions of the firmware load.
	Form string `json:"form,omitempty"`
	// For are the uses that need the file; empty means server and client.
	For []Use `json:"for,omitempty"`
	// Path is where the device has the file, "" if that is the user's choice.
	Path string `json:"path,omitempty"`
	// Mode and Owner (user:group) are those it needs there, "" if any will do.
	Mode  string `json:"mode,omitempty"`
	Owner string `json:"owner,omitempty"`
	// MaxBytes is the most that the device's field or memory takes, 0 if no limit
	// is known.
	MaxBytes  int      `json:"max_bytes,omitempty"`
	MaxSource string   `json:"max_source,omitempty"`
	Password  Password `json:"password,omitzero"`
}

// Password is what a device demands of the password of a .p12. picoca always
// sets one.
type Password struct {
	// Fixed is the password that the device itself uses to open the file.
	Fixed string `json:"fixed,omitempty"`
	// MaxLength is the longest that it takes, 0 if no limit is known.
	MaxLength int    `json:"max_length,omitempty"`
	Source    string `json:"source"`
}

// Has reports whether the file holds a part: leaf, key, ca, crl or issuer.
func (f *File) Has(part string) bool { return slices.Contains(f.Parts, part) }

// Role names the file for people: certificate, chain, key, combined, ca, ...
func (f *File) Role() string {
	switch {
	case f.Has("key") && (f.Has("leaf") || f.Has("ca")):
		return "certificate and key"
	case f.Has("key"):
		return "key"
	case f.Has("leaf") && f.Has("ca"):
		return "chain"
	case f.Has("leaf"):
		return "certificate"
	}
	return "ca"
}

// NeedsPassphrase reports whether a passphrase encrypts a key in the file.
func (f File) NeedsPassphrase() bool {
	return f.Has("key") && (f.Container == "p12" || f.Container == "mobileconfig")
}

// needsKeyForm reports whether the file's container leaves open which form a
// key has.
func (f *File) needsKeyForm() bool {
	return f.Has("key") && !slices.Contains([]string{"p12", "mobileconfig", "c-header", "c-header-pem", "tasmota"}, f.Container)
}

// loadedAs is the name that Version.Loads has for the file's key, "" if the
// firmware is built around it or it holds none.
func (f *File) loadedAs(key string) string {
	if !f.Has("key") || f.Container != "der" && f.Container != "pem" {
		return ""
	}
	if f.Key == "pkcs8" {
		return "pkcs8-" + f.Container
	}
	return traditional(key) + f.Container
}

// Fits returns nil if the device takes a file of n bytes, else a SizeError.
func (f File) Fits(n int) error {
	if f.MaxBytes > 0 && n > f.MaxBytes {
		return SizeError{f, n}
	}
	return nil
}

// SizeError says that a file is larger than the device's field for it.
type SizeError struct {
	File  File
	Bytes int
}

func (e SizeError) Error() string {
	return fmt.Sprintf("file %q has %d bytes; the device accepts at most %d", e.File.Name, e.Bytes, e.File.MaxBytes)
}

// Hint says what makes a file smaller.
func (e SizeError) Hint() fault.Hint {
	return fault.Hintf("use --key p256 and few names; a root with a P-256 key is the smallest")
}

// UseError says that a device has no such use for a certificate.
type UseError struct {
	Target Target
	Use    Use
}

func (e UseError) Error() string {
	return fmt.Sprintf("device %q %s", e.Target, map[Use]string{
		UseServer: "is not known as a server",
		UseClient: "is not known to use identities",
		UseBoth:   "is not known to be a server and a client at once",
		UseTrust:  "is not known to need the root",
	}[e.Use])
}

// Hint names the command for what the device can do.
func (e UseError) Hint() fault.Hint {
	uses := e.Target.Uses()
	switch {
	case e.Use == UseBoth:
		return fault.Hintf("leave out --and-client, or use --for computer: its files are for both")
	case e.Use != UseServer && slices.Contains(uses, UseServer):
		return fault.Hintf("for a server: %s", fault.Command{"issue", "NAME", "--for", e.Target.String()})
	case e.Use != UseClient && slices.Contains(uses, UseClient):
		return fault.Hintf("for an identity: %s", fault.Command{"identity", "NAME", "--for", e.Target.String()})
	}
	return fault.Hintf("%s shows what it takes", fault.Command{"devices", e.Target.Device.ID})
}

// ExitCode is that of a wrong command line.
func (e UseError) ExitCode() int { return fault.Usage }

// filesFor returns the files of a use. A file that server and client have under
// one name is for both the server's.
func filesFor(all []File, use Use) []File {
	if use == UseBoth {
		chosen := filesFor(all, UseServer)
		for _, file := range filesFor(all, UseClient) {
			if !slices.ContainsFunc(chosen, func(f File) bool { return f.Name == file.Name }) {
				chosen = append(chosen, file)
			}
		}
		return chosen
	}
	var chosen []File
	for _, file := range all {
		uses := file.For
		if len(uses) == 0 {
			uses = []Use{UseServer, UseClient}
		}
		if slices.Contains(uses, use) {
			chosen = append(chosen, file)
		}
	}
	return chosen
}

// Files returns what to write for a certificate with a key of some type: files
// that all selected firmware loads. It fails with a UseError, or with a
// NoFormatError.
func (t Target) Files(key string, use Use) ([]File, error) {
	all := t.Device.Files
	if len(all) == 0 || t.named() {
		all = t.Firmware[0].Files
	}
	chosen := filesFor(all, use)
	if !t.hasUse(use) || len(chosen) == 0 {
		return nil, UseError{t, use}
	}
	if !slices.ContainsFunc(chosen, func(f File) bool { return f.Form != "" }) {
		return chosen, nil
	}
	form, err := FormatFor(t.Rows(), key)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(chosen, func(f File) bool { return f.Form != "" && f.Form != form }), nil
}

func (t *Target) hasUse(use Use) bool {
	uses := t.Uses()
	if use == UseBoth {
		return slices.Contains(uses, UseServer) && slices.Contains(uses, UseClient)
	}
	return slices.Contains(uses, use)
}

// Unable returns the rows of the selected firmware that load a key of some
// type, but from none of the files.
func (t *Target) Unable(chosen []File, key string) []Row {
	var forms []string
	for _, file := range chosen {
		if form := file.loadedAs(key); form != "" {
			forms = append(forms, form)
		}
	}
	if len(forms) == 0 {
		return nil // the firmware is built around the files
	}
	var rows []Row
	for _, row := range t.Rows() {
		loads := row.FormatsOf(key)
		if len(loads) > 0 && !slices.ContainsFunc(forms, func(f string) bool { return slices.Contains(row.Loads, f) }) {
			rows = append(rows, row)
		}
	}
	return rows
}

// Step is something the user does with the files.
type Step struct {
	// Run is a shell command, Do something in words: one of the two. In both,
	// {name}, {stem} and {folder} stand for what a Place has.
	Run string `json:"run,omitempty"`
	Do  string `json:"do,omitempty"`
	// For are the uses with this step; empty means all.
	For []Use `json:"for,omitempty"`
}

// Place is what steps and paths are filled with. Each value is as it should
// stand in a shell command, quoted if need be.
type Place struct {
	Name   string // of the device or identity
	Stem   string // its name as a file name
	Folder string // that the files are in
}

func (p Place) fill(text string) string {
	return strings.NewReplacer("{name}", p.Name, "{stem}", p.Stem, "{folder}", p.Folder).Replace(text)
}

// InstallCommand returns the shell command that puts a file where the device
// has it, "" if its place or mode is the user's choice.
func (f *File) InstallCommand(p Place) string {
	if f.Path == "" || f.Mode == "" {
		return ""
	}
	user, group, _ := strings.Cut(f.Owner, ":")
	command := "sudo install"
	if user != "" {
		command += " -o " + user
	}
	if group != "" {
		command += " -g " + group
	}
	return p.fill(command + " -m " + f.Mode + " {folder}/" + f.Name + " " + f.Path)
}

// Steps returns how to install the files, in order: commands that put them in
// place, then the device's own steps.
func (t *Target) Steps(chosen []File, use Use, p Place) []Step {
	var steps []Step
	for _, file := range chosen {
		if command := file.InstallCommand(p); command != "" {
			steps = append(steps, Step{Run: command})
		}
	}
	for _, firmware := range t.Firmware {
		for _, step := range firmware.Steps {
			if len(step.For) == 0 || use == UseBoth || slices.Contains(step.For, use) {
				steps = append(steps, Step{Run: p.fill(step.Run), Do: p.fill(step.Do)})
			}
		}
	}
	return steps
}
