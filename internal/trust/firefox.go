package trust

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

const firefoxManual = "about:preferences#privacy, View Certificates, Authorities"

// firefoxHomes are where Firefox keeps profiles, below the user's home. Since
// 147 the second, unless the first exists.
func (c *Computer) firefoxHomes() (covered, apart []string) {
	config := cmp.Or(c.ConfigHome, path.Join(c.Home, ".config"))
	covered = []string{path.Join(c.Home, ".mozilla/firefox"), path.Join(config, "mozilla/firefox"),
		path.Join(c.Home, "snap/firefox/common/.mozilla/firefox")}
	// A flatpak does not see /etc/firefox.
	app := path.Join(c.Home, ".var/app/org.mozilla.firefox")
	return covered, []string{path.Join(app, ".mozilla/firefox"), path.Join(app, "config/mozilla/firefox")}
}

// firefoxDBs returns the database of every profile of this user.
func (c *Computer) firefoxDBs() []*nssDB {
	if c.Home == "" {
		return nil
	}
	var all []*nssDB
	covered, apart := c.firefoxHomes()
	for _, home := range slices.Concat(covered, apart) {
		for _, dir := range c.profiles(home) {
			all = append(all, &nssDB{c: c, store: Firefox, dir: dir, manual: firefoxManual, covered: slices.Contains(covered, home)})
		}
	}
	return all
}

// profiles returns the folders that a profiles.ini names and that exist.
func (c *Computer) profiles(home string) []string {
	data, err := c.read(path.Join(home, "profiles.ini"))
	if err != nil {
		return nil
	}
	var all []string
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		dir, ok := strings.CutPrefix(strings.TrimSpace(scanner.Text()), "Path=")
		if !ok {
			continue
		}
		if !path.IsAbs(dir) { // IsRelative says the same, but need not be there
			dir = path.Join(home, dir)
		}
		if c.isDir(dir) && !slices.Contains(all, dir) {
			all = append(all, dir)
		}
	}
	return all
}

// Firefox reads the first of these files that exists.
const firefoxPolicies = "/etc/firefox/policies/policies.json"

// ownPolicies are files beside the program, which the one in /etc would hide.
var ownPolicies = []string{"/usr/lib*/firefox*/distribution/policies.json", "/opt/firefox*/distribution/policies.json"}

// firefoxProgram returns a Firefox that reads the policy.
func (c *Computer) firefoxProgram() string {
	if c.target("/snap/bin/firefox") != "" { // a link to snap itself
		return "/snap/bin/firefox"
	}
	return c.program("firefox", "firefox-esr")
}

// firefoxPolicy is the file with the roots that all users' Firefox imports. The
// certificates are beside it, where a snap sees them too.
type firefoxPolicy struct{ c *Computer }

func (p *firefoxPolicy) where() (Store, string) { return Firefox, firefoxPolicies }
func (p *firefoxPolicy) file(name string) string {
	return path.Join(path.Dir(firefoxPolicies), name+".pem")
}
func (p *firefoxPolicy) read() (installList, error) {
	data, err := p.c.read(firefoxPolicies)
	if err != nil {
		return installList{}, err
	}
	list, err := parseInstallList(data)
	if err != nil {
		return list, damaged(firefoxPolicies, err)
	}
	return list, nil
}

// hidden returns a file beside the program that a new policy would hide.
func (p *firefoxPolicy) hidden() string {
	if p.c.isFile(firefoxPolicies) {
		return ""
	}
	for _, pattern := range ownPolicies {
		if found := p.c.glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

func (p *firefoxPolicy) look(_ context.Context, roots []root) (contents, error) {
	var found contents
	list, err := p.read()
	if err != nil {
		return found, err
	}
	for _, r := range roots {
		cert, err := p.c.read(p.file(r.name))
		if err != nil {
			return found, err
		}
		listed := slices.Contains(list.files, p.file(r.name))
		if listed || cert != nil {
			found.note(roots, r.Raw, r.name, listed && holds(certificatesIn(cert), r.Raw))
		}
	}
	for _, file := range list.files {
		name := strings.TrimSuffix(path.Base(file), ".pem")
		if ours, _ := split(roots, []string{name}); len(ours) == 0 && ourName().MatchString(name) {
			found.others = append(found.others, name)
		}
	}
	return found, nil
}

func (p *firefoxPolicy) install(_ context.Context, roots []root) (work, error) {
	if other := p.hidden(); other != "" {
		return work{}, fault.With(fmt.Errorf("%s would hide %s", firefoxPolicies, other),
			fault.Hintf("%s fills the profiles of this user instead", fault.Command{"trust", "--user", "--store", "firefox"}))
	}
	list, err := p.read()
	if err != nil {
		return work{}, err
	}
	var w work
	data := list.data
	for _, r := range roots {
		w.steps = append(w.steps, asRoot("install", "-D", "-m", "0644", r.pem(), p.file(r.name)))
		w.undo = append(w.undo, asRoot("rm", "-f", p.file(r.name)))
		w.files = append(w.files, r.file())
		if data, err = addInstall(data, p.file(r.name)); err != nil {
			return work{}, damaged(firefoxPolicies, err)
		}
	}
	return w.then(replace("policies.json", data, firefoxPolicies)), nil
}

func (w work) then(next work) work {
	return work{slices.Concat(w.steps, next.steps), slices.Concat(w.undo, next.undo), slices.Concat(w.files, next.files)}
}

// remove takes the entries out first: Firefox reports an entry without its file.
func (p *firefoxPolicy) remove(_ context.Context, roots []root) (work, error) {
	list, err := p.read()
	if err != nil {
		return work{}, err
	}
	data := list.data
	rm := []string{"rm", "-f"}
	for _, r := range roots {
		rm = append(rm, p.file(r.name))
		if data, err = removeInstall(data, p.file(r.name)); err != nil {
			return work{}, damaged(firefoxPolicies, err)
		}
	}
	w := work{steps: []Step{asRoot(rm...)}}
	switch {
	case bytes.Equal(data, list.data):
		return w, nil
	case noPolicies(data):
		return work{steps: []Step{asRoot(append([]string{"rm", "-f", firefoxPolicies}, rm[2:]...)...)}}, nil
	}
	return replace("policies.json", data, firefoxPolicies).then(w), nil
}
