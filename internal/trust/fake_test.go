package trust

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

// A fake is a computer below a temporary folder, on which the commands of the
// plans have the effect that they have on a real one.
type fake struct {
	t         *testing.T
	base      string
	log       []string // what changed something, or tried to
	databases map[string]map[string]*fakeEntry
	passwords map[string]bool   // databases with one
	failing   map[string]string // what a program prints when it fails
	keychain  map[string][]byte
}

type fakeEntry struct {
	der   []byte
	trust string
}

const home = "/home/ann"

// newFake is a computer with some programs, of a user who is not root.
func newFake(t *testing.T, system string, programs ...string) (*fake, Computer) {
	t.Helper()
	f := &fake{t: t, base: t.TempDir(), databases: map[string]map[string]*fakeEntry{}, passwords: map[string]bool{},
		failing: map[string]string{}, keychain: map[string][]byte{}}
	for _, program := range programs {
		f.write(program, "", 0o755)
	}
	return f, Computer{OS: system, Base: f.base, Home: home, Path: []string{"/usr/bin", "relative"}, UID: 1000, Run: f.run}
}

func (f *fake) write(path, text string, mode os.FileMode) {
	f.t.Helper()
	full := filepath.Join(f.base, path)
	err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), mode))
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) mkdir(paths ...string) {
	f.t.Helper()
	for _, path := range paths {
		if err := os.MkdirAll(filepath.Join(f.base, path), 0o755); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fake) read(path string) string {
	data, err := os.ReadFile(filepath.Join(f.base, path))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (f *fake) run(_ context.Context, c Command) (string, error) {
	args := c.Args
	if args[0] == sudo {
		if said, ok := f.failing[sudo]; ok {
			return said, &CommandError{c.Args, said, errors.New("exit status 1")}
		}
		args = args[1:]
	}
	name := filepath.Base(args[0])
	if said, ok := f.failing[name]; ok {
		f.log = append(f.log, line(c.Args))
		return said, &CommandError{c.Args, said, errors.New("exit status 1")}
	}
	out, changes, err := f.programs()[name](c.Dir, args)
	if changes {
		f.log = append(f.log, line(c.Args))
	}
	if err != nil {
		return out, &CommandError{c.Args, out, err}
	}
	return out, nil
}

type fakeProgram func(dir string, args []string) (out string, changes bool, err error)

func (f *fake) programs() map[string]fakeProgram {
	return map[string]fakeProgram{
		"install": f.install, "mv": f.move, "rm": f.delete, "mkdir": f.makeDir, "sh": func(string, []string) (string, bool, error) { return "", true, nil },
		"certutil": f.certutil, "security": f.security, "certutil.exe": f.windows, "keytool": f.keytool,
		"update-ca-certificates": f.rebuild, "update-ca-trust": f.rebuild, "trust": f.rebuild,
	}
}

func (f *fake) install(dir string, args []string) (string, bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, args[4]))
	if err == nil {
		f.write(args[5], string(data), 0o644)
	}
	return "", true, err
}

func (f *fake) move(_ string, args []string) (string, bool, error) {
	return "", true, os.Rename(filepath.Join(f.base, args[2]), filepath.Join(f.base, args[3]))
}

func (f *fake) delete(_ string, args []string) (string, bool, error) {
	for _, path := range args[2:] {
		os.Remove(filepath.Join(f.base, path))
	}
	return "", true, nil
}

func (f *fake) makeDir(_ string, args []string) (string, bool, error) {
	f.mkdir(args[len(args)-1])
	return "", true, nil
}

// rebuild writes the bundle of every layout whose folder exists.
func (f *fake) rebuild(string, []string) (string, bool, error) {
	for _, l := range append(slices.Clone(layouts), debian) {
		var bundle strings.Builder
		files, _ := filepath.Glob(filepath.Join(f.base, l.dir, "*"+l.ext))
		for _, file := range files {
			data, _ := os.ReadFile(file)
			bundle.Write(data)
		}
		f.write(l.bundle, bundle.String(), 0o644)
	}
	return "", true, nil
}

func option(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func readDER(file string) []byte {
	data, _ := os.ReadFile(file)
	block, _ := pem.Decode(data)
	return block.Bytes
}

func (f *fake) certutil(dir string, args []string) (string, bool, error) {
	path := strings.TrimPrefix(option(args, "-d"), "sql:")
	db, nickname := f.databases[path], option(args, "-n")
	switch args[1] {
	case "-N":
		if db != nil {
			return strings.Repeat("Invalid password.  Try again.\n", 9), true, errOutput
		}
		f.database(path)
	case "-K":
		said := "certutil: no keys found"
		if f.passwords[path] {
			said = "certutil: could not authenticate: SEC_ERROR_BAD_PASSWORD"
		}
		return said, false, errors.New("exit status 255")
	case "-A":
		db[nickname] = &fakeEntry{readDER(filepath.Join(dir, option(args, "-i"))), option(args, "-t")}
	case "-D":
		delete(db, nickname)
	case "-L":
		return f.list(db, nickname), false, nil
	}
	return "", true, nil
}

func (f *fake) list(db map[string]*fakeEntry, nickname string) string {
	if nickname != "" {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: db[nickname].der}))
	}
	var out strings.Builder
	out.WriteString("\nCertificate Nickname      Trust Attributes\n                 SSL,S/MIME,JAR/XPI\n\n")
	for name, entry := range db {
		out.WriteString(fmt.Sprintf("%-60s %-5s\n", name, entry.trust))
	}
	return out.String()
}

// database makes an empty NSS database.
func (f *fake) database(path string) map[string]*fakeEntry {
	f.write(path+"/cert9.db", "", 0o600)
	f.databases[path] = map[string]*fakeEntry{}
	return f.databases[path]
}

func (f *fake) security(dir string, args []string) (string, bool, error) {
	var out string
	switch args[1] {
	case "find-certificate":
		for _, der := range f.keychain {
			out += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		return out, false, nil
	case "trust-settings-export":
		for sum := range f.keychain {
			out += "<key>" + sum + "</key>\n"
		}
		if out == "" {
			return "SecTrustSettingsCreateExternalRepresentation: No Trust Settings were found.", false, errors.New("exit status 1")
		}
		return out, false, nil
	case "add-trusted-cert":
		f.add(readDER(filepath.Join(dir, args[len(args)-1])))
	case "delete-certificate":
		delete(f.keychain, option(args, "-Z"))
	}
	return "", true, nil
}

func (f *fake) add(der []byte) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		f.t.Fatal(err)
	}
	f.keychain[thumbprint(cert)] = der
}

func (f *fake) windows(dir string, args []string) (string, bool, error) {
	switch args[2] {
	case "-addstore":
		f.add(readDER(filepath.Join(dir, args[4])))
	case "-delstore":
		delete(f.keychain, args[4])
	case "-store":
		if f.keychain[args[4]] == nil {
			return "CertUtil: -store command FAILED: 0x80090011 (NTE_NOT_FOUND)", false, errors.New("exit status 0x80090011")
		}
		return "", false, nil
	}
	return "", true, nil
}

func (f *fake) keytool(dir string, args []string) (string, bool, error) {
	path := option(args, "-keystore")
	db := f.databases[path]
	if db == nil {
		db = map[string]*fakeEntry{}
		f.databases[path] = db
	}
	switch args[2] {
	case "-list":
		var out strings.Builder
		for alias, entry := range db {
			out.WriteString("Alias name: " + alias + "\nCreation date: Nov 25, 2026\n" + f.list(map[string]*fakeEntry{"x": entry}, "x"))
		}
		return out.String(), false, nil
	case "-importcert":
		db[option(args, "-alias")] = &fakeEntry{der: readDER(filepath.Join(dir, option(args, "-file")))}
	case "-delete":
		delete(db, option(args, "-alias"))
	}
	return "", true, nil
}

// newRoot is a root of a CA of its own.
func newRoot(t *testing.T) *x509.Certificate {
	t.Helper()
	return testpki.Home(t, time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)).Cert
}

func request(root *x509.Certificate, stores ...Store) Request {
	return Request{Roots: []*x509.Certificate{root}, Stores: stores}
}

// apply plans and runs, and returns the results with the commands that ran.
func (f *fake) apply(c Computer, req Request, remove bool) ([]Result, []string) {
	f.t.Helper()
	f.log = nil
	plan, err := c.plan(f.t.Context(), req, remove)
	if err != nil {
		f.t.Fatal(err)
	}
	results, err := plan.Run(f.t.Context(), func(Step) {})
	if err != nil {
		f.t.Fatal(err)
	}
	return results, f.log
}

// cycle installs twice and removes twice, and wants the commands once each, with
// NAME for the root's name.
func (f *fake) cycle(c Computer, req Request, install, remove []string) {
	f.t.Helper()
	name := nameOf(req.Roots[0])
	for i, row := range []struct {
		remove bool
		want   []string
		after  State
	}{{false, install, Trusted}, {false, nil, Trusted}, {true, remove, Absent}, {true, nil, Absent}} {
		results, log := f.apply(c, req, row.remove)
		for j := range log {
			log[j] = strings.ReplaceAll(strings.ReplaceAll(log[j], name, "NAME"), thumbprint(req.Roots[0]), "SHA1")
		}
		if !slices.Equal(log, row.want) {
			f.t.Errorf("run %d: got\n%s\nwant\n%s", i, strings.Join(log, "\n"), strings.Join(row.want, "\n"))
		}
		for _, r := range results {
			if r.After != row.after || r.Err != nil || r.Changed != (len(row.want) > 0) {
				f.t.Errorf("run %d: got %+v, want %s", i, r, row.after)
			}
		}
	}
}

func hint(err error) string {
	h := fault.HintOf(err)
	return h.Text(func(c fault.Command) string { return "picoca " + strings.Join(c, " ") })
}
