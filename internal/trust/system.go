package trust

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/picoca/picoca/internal/fault"
)

// A layout is how one family of Linux distributions keeps its store: a folder
// for the administrator's roots, the commands that rebuild the store from it,
// and the bundle that they write.
type layout struct {
	dir, ext string
	rebuild  [][]string // the first whose program exists
	bundle   string
}

// layouts are in the order in which they are tried. Both the folder and the
// program must exist: Debian has p11-kit's trust, too, but nowhere to store with
// it, and update-ca-certificates means two different things.
var layouts = []layout{
	// Fedora, RHEL: /usr/share/doc/ca-certificates/README
	{"/etc/pki/ca-trust/source/anchors", ".pem", [][]string{{"update-ca-trust"}}, "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
	// openSUSE: /usr/share/pki/trust/anchors is for packages.
	{"/etc/pki/trust/anchors", ".pem", [][]string{{"update-ca-certificates"}}, "/var/lib/ca-certificates/ca-bundle.pem"},
	// Arch: update-ca-trust(8)
	{"/etc/ca-certificates/trust-source/anchors", ".crt", [][]string{{"update-ca-trust"}, {"trust", "extract-compat"}},
		"/etc/ca-certificates/extracted/tls-ca-bundle.pem"},
}

// debian is the layout of Debian, Ubuntu and Alpine, whose folder need not exist
// yet. update-ca-certificates(8): the names must end in .crt.
var debian = layout{"/usr/local/share/ca-certificates", ".crt", [][]string{{"update-ca-certificates"}}, "/etc/ssl/certs/ca-certificates.crt"}

// Debian's, beside the bundle.
const (
	debianLinks = "/etc/ssl/certs"
	debianJava  = "/etc/ssl/certs/java/cacerts"
	debianHooks = "/etc/ca-certificates/update.d"
)

// anchors is the system's store on Linux.
type anchors struct {
	c *Computer
	layout
	update []string
	debian bool
}

// system returns the system's store, nil if there is none that we know.
func (c *Computer) system() place {
	switch c.OS {
	case "darwin":
		return &keychain{c}
	case "windows":
		return &rootStore{c}
	}
	for _, l := range layouts {
		if update := c.rebuild(l); update != nil && c.isDir(l.dir) {
			return &anchors{c, l, update, false}
		}
	}
	if update := c.rebuild(debian); update != nil {
		return &anchors{c, debian, update, true}
	}
	return nil
}

func (c *Computer) rebuild(l layout) []string {
	for _, command := range l.rebuild {
		if program := c.program(command[0]); program != "" {
			return append([]string{program}, command[1:]...)
		}
	}
	return nil
}

func (a *anchors) where() (Store, string)     { return System, a.dir }
func (a *anchors) file(name string) string    { return path.Join(a.dir, name+a.ext) }
func (a *anchors) remaining() ([]byte, error) { return a.c.read(a.bundle) }

func (a *anchors) look(_ context.Context, roots []root) (contents, error) {
	var found contents
	bundle, err := a.remaining()
	if err != nil {
		return found, err
	}
	keystore, err := a.java()
	if err != nil {
		return found, err
	}
	trusted := certificatesIn(bundle)
	for _, r := range roots {
		if holds(trusted, r.Raw) {
			found.trusted = append(found.trusted, r.name)
		}
		if holds(trusted, r.Raw) || a.c.isFile(a.file(r.name)) || len(a.links(r)) > 0 || bytes.Contains(keystore, r.Raw) {
			found.traces = append(found.traces, r.name)
		}
	}
	found.others = a.others(roots)
	return found, nil
}

// java returns Debian's keystore for Java. Certificates are plain DER in it: it
// is a JKS, whose certificates are not encrypted.
func (a *anchors) java() ([]byte, error) {
	if !a.debian {
		return nil, nil
	}
	return a.c.read(debianJava)
}

// links returns the links to a root's file, be they dangling: by its name, and by
// the hash of its subject to that.
func (a *anchors) links(r root) []string {
	if !a.debian {
		return nil
	}
	var all []string
	targets := []string{a.file(r.name)}
	for range 2 {
		for _, link := range a.c.glob(debianLinks + "/*") {
			if slices.Contains(targets, a.c.target(link)) && !slices.Contains(all, link) {
				all = append(all, link)
			}
		}
		for _, link := range all {
			targets = append(targets, path.Base(link))
		}
	}
	return all
}

var ourName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + prefix + `[0-9a-f]{8}$`) })

// others returns the names of the files of other picoca roots.
func (a *anchors) others(roots []root) []string {
	var all []string
	for _, file := range a.c.glob(path.Join(a.dir, prefix+"*"+a.ext)) {
		name := strings.TrimSuffix(path.Base(file), a.ext)
		if ours, _ := split(roots, []string{name}); len(ours) == 0 && ourName().MatchString(name) {
			all = append(all, name)
		}
	}
	return all
}

func (a *anchors) install(_ context.Context, roots []root) (work, error) {
	var w work
	for _, r := range roots {
		// An explicit mode: under root's umask of 077 others could not read it.
		w.steps = append(w.steps, asRoot("install", "-D", "-m", "0644", r.pem(), a.file(r.name)))
		w.undo = append(w.undo, asRoot("rm", "-f", a.file(r.name)))
		w.files = append(w.files, r.file())
	}
	w.steps = append(w.steps, asRoot(a.update...))
	return w, nil
}

func (a *anchors) remove(_ context.Context, roots []root) (work, error) {
	var w work
	rm := []string{"rm", "-f"}
	for _, r := range roots {
		rm = append(append(rm, a.file(r.name)), a.links(r)...)
	}
	w.steps = append(w.steps, asRoot(rm...), asRoot(a.update...))
	// Debian's update-ca-certificates does not notice that a file is gone. Its
	// hooks, of which Java's keystore is one, hear of it from us.
	for _, hook := range a.hooks() {
		w.steps = append(w.steps, asRoot("sh", "-c", a.notice(roots)+" | "+fault.Quote(hook)))
	}
	return w, nil
}

// hooks returns the executables that run-parts(8) would run.
func (a *anchors) hooks() []string {
	if !a.debian {
		return nil
	}
	name := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	var all []string
	for _, hook := range a.c.glob(debianHooks + "/*") {
		if name.MatchString(path.Base(hook)) && a.c.executable(hook) {
			all = append(all, hook)
		}
	}
	return all
}

// notice writes what update-ca-certificates(8) writes to hooks: a line with a
// minus for each link that is gone.
func (a *anchors) notice(roots []root) string {
	var lines []string
	for _, r := range roots {
		lines = append(lines, fault.Quote("-"+path.Join(debianLinks, r.name+".pem")))
	}
	return `printf '%s\n' ` + strings.Join(lines, " ")
}

// left explains why roots are still in the store after a removal.
func (a *anchors) left(roots []root) error {
	for _, r := range roots {
		if file := a.foreign(r); file != "" {
			return fault.With(fmt.Errorf("%s is the same root, but was not installed by trust; programs still trust it", file),
				fault.Hintf("as root: rm %s && %s", fault.Quote(file), line(a.update)))
		}
		if keystore, _ := a.java(); bytes.Contains(keystore, r.Raw) {
			return fault.With(fmt.Errorf("%s still holds %s, so Java trusts it", debianJava, r.name),
				fault.Hintf("as root: keytool -delete -keystore %s -storepass changeit -alias debian:%s.pem", debianJava, r.name))
		}
	}
	return fault.With(fmt.Errorf("%s still has %s", a.dir, roots[0].name), fault.Run("trust", "remove", "--store", "system"))
}

// foreign returns a file in the administrator's folder that holds the root under
// a name that is not ours.
func (a *anchors) foreign(r root) string {
	for _, file := range a.c.glob(path.Join(a.dir, "*")) {
		data, err := a.c.read(file)
		if err == nil && file != a.file(r.name) && holds(certificatesIn(data), r.Raw) {
			return file
		}
	}
	return ""
}

func asRoot(args ...string) Step { return Step{append([]string{}, args...), true} }
func asUser(args ...string) Step { return Step{append([]string{}, args...), false} }
