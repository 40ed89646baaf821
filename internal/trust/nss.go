package trust

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// nssDB is a database of NSS: Chromium's, or a profile of Firefox.
type nssDB struct {
	c       *Computer
	store   Store
	dir     string
	manual  string // where the browser imports a root by hand
	covered bool   // by the browser's policy, too
	// optional: the policy does without it.
	optional bool
}

const certutil = "certutil"

func (d *nssDB) where() (Store, string) { return d.store, d.dir }
func (d *nssDB) exists() bool           { return d.c.isFile(path.Join(d.dir, "cert9.db")) }

// args are for a call that never asks for a password: the database's is empty,
// or the call fails.
func (d *nssDB) args(action string, more ...string) []string {
	return append([]string{certutil, action, "-d", "sql:" + d.dir, "-f", "/dev/null"}, more...)
}

func (d *nssDB) look(ctx context.Context, roots []root) (contents, error) {
	var found contents
	if !d.exists() {
		return found, nil
	}
	entries, err := d.entries(ctx, roots)
	if err != nil {
		return found, err
	}
	for _, e := range entries {
		found.note(roots, e.der, e.nickname, e.trusted)
	}
	return found, nil
}

type nssEntry struct {
	nickname string
	trusted  bool
	der      []byte
}

// entries lists what could be a root of ours: trusted for servers (C), or called
// as we call it, or as the root calls itself, which Firefox does with a root from
// its policy.
func (d *nssDB) entries(ctx context.Context, roots []root) ([]nssEntry, error) {
	if d.c.program(certutil) == "" {
		return nil, d.noCertutil()
	}
	out, err := d.c.look(ctx, d.args("-L")...)
	if err != nil {
		return nil, err
	}
	// A line of certutil -L: a nickname and the trust for TLS, mail and code.
	listed := regexp.MustCompile(`^(.*\S)\s+([a-zA-Z]*),[a-zA-Z]*,[a-zA-Z]*\s*$`)
	var all []nssEntry
	for text := range strings.SplitSeq(out, "\n") {
		match := listed.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		e := nssEntry{nickname: match[1], trusted: strings.Contains(match[2], "C")}
		if !e.trusted && !strings.HasPrefix(e.nickname, prefix) && !selfNamed(roots, e.nickname) {
			continue
		}
		if e.der, err = d.fetch(ctx, e.nickname); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func selfNamed(roots []root, nickname string) bool {
	return slices.ContainsFunc(roots, func(r root) bool { return strings.HasPrefix(nickname, r.Subject.CommonName) })
}

// fetch returns a certificate by nickname. certutil prints all certificates of
// the same subject, the one that was asked for first.
func (d *nssDB) fetch(ctx context.Context, nickname string) ([]byte, error) {
	out, err := d.c.look(ctx, d.args("-L", "-n", nickname, "-a")...)
	if err != nil {
		return nil, err
	}
	certs := certificatesIn([]byte(out))
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s: certutil printed no certificate for %q", d.dir, nickname)
	}
	return certs[0], nil
}

func (d *nssDB) install(ctx context.Context, roots []root) (work, error) {
	if d.c.program(certutil) == "" {
		return work{}, d.noCertutil()
	}
	var w work
	if !d.c.isDir(d.dir) {
		w.steps = append(w.steps, asUser("mkdir", "-p", "-m", "0700", d.dir))
	}
	// Never on a database that exists: certutil would ask for its password, and
	// without a terminal repeat the question until it is killed.
	if !d.exists() {
		w.steps = append(w.steps, asUser(certutil, "-N", "-d", "sql:"+d.dir, "--empty-password"))
	} else if err := d.checkPassword(ctx); err != nil {
		return work{}, err
	}
	for _, r := range roots {
		w.steps = append(w.steps, asUser(d.args("-A", "-n", r.name, "-t", "C,,", "-i", r.pem())...))
		w.files = append(w.files, r.file())
	}
	return w, nil
}

// checkPassword refuses a database with a password before anything is added:
// certutil would add the root and then fail to trust it.
func (d *nssDB) checkPassword(ctx context.Context) error {
	_, err := d.c.look(ctx, d.args("-K")...)
	failed, ok := errors.AsType[*CommandError](err)
	switch {
	case !ok, strings.Contains(failed.Output, "no keys found"):
		return nil
	case strings.Contains(failed.Output, "SEC_ERROR_BAD_PASSWORD"):
		return fault.With(fmt.Errorf("%s has a primary password, so picoca cannot add the root", d.dir),
			fault.Hintf("%s, and import the file at %s", fault.Command{"export", "ca", "--out", "picoca-root.pem"}, d.manual))
	}
	return err
}

func (d *nssDB) remove(ctx context.Context, roots []root) (work, error) {
	entries, err := d.entries(ctx, roots)
	if err != nil {
		return work{}, err
	}
	var w work
	for _, e := range entries {
		var found contents
		if found.note(roots, e.der, e.nickname, e.trusted); len(found.traces) == 0 {
			continue
		}
		if !e.trusted && !strings.HasPrefix(e.nickname, prefix) {
			return work{}, d.firefoxCopy(e.nickname)
		}
		w.steps = append(w.steps, asUser(d.args("-D", "-n", e.nickname)...))
	}
	return w, nil
}

// firefoxCopy is the answer for a root that Firefox copied from its policy, with
// trust in a form that this certutil does not know: Debian 12's, of NSS 3.87,
// shows none where Firefox 153 set it, and would delete the root without it. A
// server that sends the root would be trusted still, and nothing would show why.
func (d *nssDB) firefoxCopy(nickname string) error {
	return fault.With(fmt.Errorf("%s has a copy of the root that only Firefox can remove", d.dir),
		fault.Hintf("in Firefox, at %s, delete %q", d.manual, nickname))
}

// nssPackages are the packages with certutil, by the program that installs them.
var nssPackages = []struct{ manager, install string }{
	{"apt", "apt install libnss3-tools"},
	{"dnf", "dnf install nss-tools"},
	{"pacman", "pacman -S nss"},
	{"zypper", "zypper install mozilla-nss-tools"},
	{"apk", "apk add nss-tools"},
}

// noCertutil explains what this system calls the package, and the way around.
func (d *nssDB) noCertutil() error {
	install := "install NSS's tools"
	for _, p := range nssPackages {
		if d.c.program(p.manager) != "" {
			install = p.install
			break
		}
	}
	return fault.With(fmt.Errorf("%s needs certutil, which is not installed", d.dir),
		fault.Hintf("%s; or %s, and import the file at %s", install, fault.Command{"export", "ca", "--out", "picoca-root.pem"}, d.manual))
}
