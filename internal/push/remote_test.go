//go:build unix

package push

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

// shellComputer is a computer whose ssh is a shell of this one, in home.
func shellComputer(t *testing.T, home, shell string) (Computer, *[]string) {
	t.Helper()
	last := &[]string{}
	start := func(args []string) (*Process, error) {
		*last = args
		return startProcess([]string{"sh", "-c", "cd \"$1\" && echo 'Welcome to nas' && exec " + shell, "sh", home})
	}
	return Computer{OS: "linux", Start: start}, last
}

// shells are those that this computer has; a NAS has BusyBox's, a Mac zsh.
func shells(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, shell := range []string{"sh", "bash", "dash", "busybox sh", "zsh", "mksh"} {
		if _, err := exec.LookPath(strings.Fields(shell)[0]); err == nil {
			all = append(all, shell)
		}
	}
	return all
}

func TestRemoteReplacesThePair(t *testing.T) {
	for _, shell := range shells(t) {
		home := t.TempDir()
		dir := filepath.Join(home, "it's -a \"folder\"")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c, args := shellComputer(t, home, shell)
		place := "ann@nas:" + filepath.Base(dir)
		d := open(t, c, place)
		if want := []string{"--", "ann@nas", "exec sh"}; d.Kind != Remote || !slices.Equal((*args)[len(*args)-3:], want) {
			t.Errorf("%s: got %s, %q; want %q at the end", shell, d.Kind, *args, want)
		}
		mustPut(t, d, pair("one"))
		checkPair(t, dir, "one")
		checkMode(t, dir, "cert.der", 0o644)
		checkMode(t, dir, "key.der", 0o600)
		if err := os.Chmod(filepath.Join(dir, "key.der"), 0o644); err != nil {
			t.Fatal(err)
		}
		mustPut(t, d, pair("two"))
		checkPair(t, dir, "two")
		checkMode(t, dir, "key.der", 0o640)
		if done := mustPut(t, d, pair("two")); done[0].State != Unchanged {
			t.Errorf("%s: again: got %+v", shell, done)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: close: %v", shell, err)
		}
	}
}

// TestRemoteTakesEveryByte: a shell that reads ahead would swallow some.
func TestRemoteTakesEveryByte(t *testing.T) {
	data := make([]byte, 3000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, shell := range shells(t) {
		home := t.TempDir()
		c, _ := shellComputer(t, home, shell)
		d := open(t, c, "nas:")
		for _, size := range []int{0, 1, len(data)} {
			file := File{Name: fmt.Sprintf("-x %d", size), Data: data[:size], Private: true}
			mustPut(t, d, []File{file})
			if got := content(t, home, file.Name); got != string(file.Data) {
				t.Errorf("%s, %d bytes: got %d others", shell, size, len(got))
			}
		}
	}
}

func TestRemoteFolders(t *testing.T) {
	for dir, want := range map[string]string{
		"": ".", "~": ".", "~/certs": "certs", "/etc/ssl": "/etc/ssl", "-x": "./-x", "certs": "certs",
	} {
		if got := remoteDir(dir); got != want {
			t.Errorf("%q: got %q, want %q", dir, got, want)
		}
	}
	c, _ := shellComputer(t, t.TempDir(), "sh")
	_, err := c.Open(t.Context(), "nas:missing", Access{})
	if err == nil || !strings.Contains(err.Error(), "nas:missing: ") || fault.HintOf(err).IsZero() {
		t.Errorf("got %v, want an error with a hint", err)
	}
}

// TestRemoteThatTalksWithoutEnd is left: waiting for its end would take forever.
func TestRemoteThatTalksWithoutEnd(t *testing.T) {
	kills := 0
	endless := func([]string) (*Process, error) {
		p, err := startProcess([]string{"yes"})
		kill := p.Kill
		p.Kill = func() { kills++; kill() }
		return p, err
	}
	_, err := Computer{OS: "linux", Start: endless}.Open(t.Context(), "ann@nas:certs", Access{})
	if gone, ok := errors.AsType[*GoneError](err); !ok || !errors.Is(gone.Err, errNoise) {
		t.Errorf("got %v, want %v", err, errNoise)
	}
	if kills != 1 {
		t.Errorf("ssh was killed %d times, want once", kills)
	}
}

func TestRemoteThatRefuses(t *testing.T) {
	refuse := func([]string) (*Process, error) {
		return startProcess([]string{"sh", "-c", "echo 'ann@nas: Permission denied (publickey).' >&2; exit 255"})
	}
	_, err := Computer{OS: "linux", Start: refuse}.Open(t.Context(), "ann@nas:certs", Access{})
	if err == nil || err.Error() != "ann@nas:certs: ann@nas: Permission denied (publickey)." {
		t.Errorf("got %v", err)
	}
	if got := fault.HintOf(err).Text(nil); got != "check that this works: ssh ann@nas" {
		t.Errorf("hint: got %q", got)
	}
	_, err = Computer{OS: "linux", Start: refuse}.Open(t.Context(), "ann@[fd00::1]:certs", Access{})
	if got := fault.HintOf(err).Text(nil); got != "check that this works: ssh ann@fd00::1" {
		t.Errorf("hint: got %q", got)
	}
	_, err = Computer{OS: "linux"}.Open(t.Context(), "-oProxyCommand=x:dir", Access{})
	if err == nil || !strings.Contains(err.Error(), "hyphen") {
		t.Errorf("a host that is an option: got %v", err)
	}
	missing := func([]string) (*Process, error) { return startProcess([]string{"no-such-program-here"}) }
	_, err = Computer{OS: "linux", Start: missing}.Open(t.Context(), "nas:x", Access{})
	if err == nil || err.Error() != "ssh is not installed" {
		t.Errorf("without ssh: got %v", err)
	}
}

func TestRemoteRefusesLinks(t *testing.T) {
	home := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(home, "cert.der")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(home, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := shellComputer(t, home, "sh")
	if _, err := open(t, c, "nas:").Put(t.Context(), []File{{Name: "pipe"}}, Options{}); err == nil || !strings.Contains(err.Error(), "special file") {
		t.Errorf("a pipe: got %v", err)
	}
	if _, err := open(t, c, "nas:").Put(t.Context(), pair("one"), Options{}); err == nil || !strings.Contains(err.Error(), "is a folder, a link or a special file") {
		t.Errorf("got %v", err)
	}
}

// TestRemoteCutOffAnywhere ends the connection before each write. The next push
// repairs whatever that left.
func TestRemoteCutOffAnywhere(t *testing.T) {
	good := pushRemote(t, t.TempDir(), "one", 0)
	if good.err != nil || good.writes < 15 {
		t.Fatalf("a push takes %d writes, %v", good.writes, good.err)
	}
	for cut := 1; cut <= good.writes; cut++ {
		home := t.TempDir()
		if first := pushRemote(t, home, "one", 0); first.err != nil {
			t.Fatal(first.err)
		}
		r := pushRemote(t, home, "two", cut)
		_, mixed := errors.AsType[*MixedError](r.err)
		_, leftover := errors.AsType[*LeftoverError](r.err)
		switch {
		case r.cut && r.err == nil:
			t.Errorf("cut off before write %d: reported as good", cut)
		case r.err != nil && !mixed && !leftover && !whole(t, home, "one"):
			t.Errorf("cut off before write %d: %v, and the previous pair is gone", cut, r.err)
		}
		if again := pushRemote(t, home, "two", 0); again.err != nil {
			t.Fatal(again.err)
		}
		checkPair(t, home, "two")
	}
}

type remoteRun struct {
	writes int
	cut    bool
	err    error
}

// cutting is an input that breaks after so many writes.
type cutting struct {
	*Process
	run *remoteRun
	at  int
}

func (c *cutting) Write(data []byte) (int, error) {
	if c.run.writes++; c.run.writes == c.at {
		c.run.cut = true
		c.Kill()
	}
	return c.In.Write(data)
}

func (c *cutting) Close() error { return c.In.Close() }

func pushRemote(t *testing.T, home, version string, cut int) *remoteRun {
	t.Helper()
	run := &remoteRun{}
	c, _ := shellComputer(t, home, "sh")
	start := c.Start
	c.Start = func(args []string) (*Process, error) {
		p, err := start(args)
		if err != nil {
			return nil, err
		}
		wrapped := *p
		wrapped.In = &cutting{p, run, cut}
		return &wrapped, nil
	}
	d, err := c.Open(t.Context(), "nas:", Access{})
	if err == nil {
		_, err = d.Put(t.Context(), pair(version), Options{})
		d.Close()
	}
	run.err = err
	return run
}

// TestRemoteThatLosesItsConnection: what was staged is removed there, because the
// shell outlives the connection.
func TestRemoteThatLosesItsConnection(t *testing.T) {
	for _, shell := range shells(t) {
		home := t.TempDir()
		c, _ := shellComputer(t, home, shell)
		loseConnection(t, home, open(t, c, "ann@nas:.").conn.(*remote))
	}
}

func loseConnection(t *testing.T, home string, r *remote) {
	t.Helper()
	file := File{Name: "key.pem" + newSuffix, Data: []byte("secret"), Private: true}
	if err := r.write(t.Context(), file, "key.pem", func(int) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, file.Name)); err != nil {
		t.Fatal(err)
	}
	if err := r.process.In.Close(); err != nil {
		t.Fatal(err)
	}
	_ = r.process.Wait()
	if _, err := os.Stat(filepath.Join(home, file.Name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left there (%v)", file.Name, err)
	}
}

func TestRemotePlacesAreSplitAsScpDoes(t *testing.T) {
	for text, want := range map[string][2]string{
		"nas:/etc/ssl": {"nas", "/etc/ssl"}, "root@nas:": {"root@nas", ""}, "nas:a:b": {"nas", "a:b"},
		"[fe80::1%eth0]:/etc": {"fe80::1%eth0", "/etc"}, "root@[fd00::2]:x": {"root@fd00::2", "x"}, "na[s:x": {"na[s", "x"},
		"nas": {}, ":/etc": {}, "/mnt/a:b": {}, "[]:x": {}, "[fd00::2]": {}, "[a/b]:x": {},
	} {
		host, dir, ok := ParseRemote(text)
		if !ok {
			host, dir = "", ""
		}
		if got := [2]string{host, dir}; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
