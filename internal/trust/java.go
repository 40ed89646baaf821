package trust

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// keystore is the store of a Java runtime.
type keystore struct {
	c       *Computer
	keytool string
	file    string
	follows bool // it is the system's, rebuilt with it
}

// systemKeystores are where the distributions' own runtimes look: Debian,
// Fedora, openSUSE, Arch.
var systemKeystores = []string{"/etc/ssl/certs/java/", "/etc/pki/", "/var/lib/ca-certificates/", "/etc/ca-certificates/"}

// storepass is the password of every cacerts that was never given another. It
// protects nothing: the file is public.
const storepass = "changeit"

// keystores returns the stores of the runtimes at JAVA_HOME and in PATH.
func (c *Computer) keystores() []*keystore {
	var all []*keystore
	for _, home := range []string{c.JavaHome, c.javaOnPath()} {
		ks := c.keystore(home)
		if ks != nil && !slices.ContainsFunc(all, func(k *keystore) bool { return k.file == ks.file }) {
			all = append(all, ks)
		}
	}
	return all
}

func (c *Computer) javaOnPath() string {
	program, err := filepath.EvalSymlinks(c.at(c.program("java")))
	if err != nil || filepath.Base(filepath.Dir(program)) != "bin" {
		return ""
	}
	return strings.TrimPrefix(filepath.Dir(filepath.Dir(program)), c.Base)
}

// keystore returns the store of a runtime, nil if it has none.
func (c *Computer) keystore(home string) *keystore {
	if home == "" {
		return nil
	}
	// Java 8 has jre in between.
	for _, file := range []string{"lib/security/cacerts", "jre/lib/security/cacerts"} {
		real, err := c.resolve(path.Join(home, file))
		if err != nil {
			continue
		}
		follows := slices.ContainsFunc(systemKeystores, func(dir string) bool { return strings.HasPrefix(real, dir) })
		keytool := path.Join(home, "bin/keytool")
		if !c.executable(keytool) {
			keytool = "keytool"
		}
		return &keystore{c, keytool, real, follows}
	}
	return nil
}

func (c *Computer) resolve(file string) (string, error) {
	real, err := filepath.EvalSymlinks(c.at(file))
	return strings.TrimPrefix(real, c.Base), err
}

func (k *keystore) where() (Store, string) { return Java, k.file }

func (k *keystore) args(action string, more ...string) []string {
	return append([]string{k.keytool, "-J-Duser.language=en", action, "-keystore", k.file, "-storepass", storepass}, more...)
}

// look reads keytool's list: lines with an alias, each followed by a
// certificate.
func (k *keystore) look(ctx context.Context, roots []root) (contents, error) {
	var found contents
	out, err := k.c.look(ctx, k.args("-list", "-rfc")...)
	if err != nil {
		return found, err
	}
	for entry := range strings.SplitSeq(out, "Alias name: ") {
		alias, rest, _ := strings.Cut(entry, "\n")
		if certs := certificatesIn([]byte(rest)); len(certs) > 0 {
			found.note(roots, certs[0], strings.TrimSpace(alias), true)
		}
	}
	return found, nil
}

// writable reports whether this user may write to the store.
func (k *keystore) writable() bool {
	f, err := os.OpenFile(k.c.at(k.file), os.O_WRONLY, 0)
	return err == nil && f.Close() == nil
}

// step returns a call of keytool, as root if this user may not write.
func (k *keystore) step(args []string) Step { return Step{args, !k.writable()} }

// install leaves a runtime that follows the system's store to that.
func (k *keystore) install(_ context.Context, roots []root) (work, error) {
	var w work
	if k.follows {
		return w, nil
	}
	for _, r := range roots {
		w.steps = append(w.steps, k.step(k.args("-importcert", "-noprompt", "-alias", r.name, "-file", r.pem())))
		w.undo = append(w.undo, k.step(k.args("-delete", "-alias", r.name)))
		w.files = append(w.files, r.file())
	}
	return w, nil
}

func (k *keystore) remove(ctx context.Context, roots []root) (work, error) {
	var w work
	if k.follows {
		return w, nil
	}
	for _, r := range roots {
		w.steps = append(w.steps, k.step(k.args("-delete", "-alias", r.name)))
	}
	return w, nil
}

// javaAdvice returns the commands for runtimes that a request leaves out and
// that do not trust the roots.
func (c *Computer) javaAdvice(ctx context.Context, req Request, roots []root) []Step {
	var all []Step
	if slices.Contains(req.Stores, Java) || !slices.Contains(req.Stores, System) {
		return nil
	}
	for _, k := range c.keystores() {
		found, err := k.look(ctx, roots)
		if k.follows || err != nil {
			continue
		}
		_, missing := split(roots, found.trusted)
		w, _ := k.install(ctx, missing)
		c.elevate(w)
		all = append(all, w.steps...)
	}
	return all
}
