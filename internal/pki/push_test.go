package pki

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/push"
)

// devices are what boards are connected to: drives that are folders, and ports
// with a board's raw REPL in Python behind them.
type devices struct {
	t      *testing.T
	base   string
	ports  map[string]port // by place
	opened []string
}

type port struct{ id, dir string }

func newDevices(t *testing.T) *devices {
	t.Helper()
	return &devices{t: t, base: t.TempDir(), ports: map[string]port{}}
}

func (d *devices) computer() push.Computer {
	return push.Computer{OS: "linux", Base: d.base, OpenPort: d.open}
}

// drive makes or renames a board's drive, and mounts what paths name.
func (d *devices) drive(name, id string) string {
	d.t.Helper()
	dir := filepath.Join(d.base, "media", name)
	d.must(os.MkdirAll(dir, 0o700))
	d.must(os.WriteFile(filepath.Join(dir, "boot_out.txt"), []byte("CircuitPython; Pico W\nUID:"+id+"\n"), 0o600))
	return dir
}

func (d *devices) mount(dirs ...string) {
	d.t.Helper()
	var text strings.Builder
	for _, dir := range dirs {
		text.WriteString("60 22 8:33 / " + dir + " rw - vfat /dev/sdc1 rw\n")
	}
	d.must(os.MkdirAll(filepath.Join(d.base, "proc/self"), 0o700))
	d.must(os.WriteFile(filepath.Join(d.base, "proc/self/mountinfo"), []byte(text.String()), 0o600))
}

// plug connects a board to the port ttyACMn.
func (d *devices) plug(n, id, dir string) {
	d.t.Helper()
	at := filepath.Join(d.base, "sys/class/tty/ttyACM"+n)
	usb := filepath.Join(d.base, "sys/usb"+n)
	d.must(os.MkdirAll(filepath.Join(usb, "interface"), 0o700))
	d.must(os.WriteFile(filepath.Join(usb, "idVendor"), []byte("2e8a\n"), 0o600))
	d.must(os.WriteFile(filepath.Join(usb, "idProduct"), []byte("0005\n"), 0o600))
	d.must(os.MkdirAll(at, 0o700))
	if _, err := os.Lstat(at + "/device"); err != nil {
		d.must(os.Symlink(filepath.Join(usb, "interface"), at+"/device"))
	}
	d.ports["/dev/ttyACM"+n] = port{id, dir}
}

func (d *devices) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *devices) open(name string) (io.ReadWriteCloser, error) {
	d.opened = append(d.opened, name)
	p, ok := d.ports[name]
	if !ok {
		return nil, errors.New(name + " is not there")
	}
	cmd := exec.Command("python3", filepath.Join(sources, "../push/testdata/board.py"), p.id)
	cmd.Dir = p.dir
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	d.must(errors.Join(inErr, outErr, cmd.Start()))
	d.t.Cleanup(func() { in.Close(); cmd.Wait() })
	return struct {
		io.Reader
		io.WriteCloser
	}{out, in}, nil
}

// sources is this package's folder, which is not the current one while a test
// runs.
var sources, _ = os.Getwd()

// pushTo pushes as one run of picoca does.
func (a authority) pushTo(d *devices, req PushRequest, now time.Time) (files PushedFiles, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		p, reachErr := c.Reach(a.t.Context(), d.computer(), req, now)
		if err = reachErr; err == nil {
			files, err = p.Run(a.t.Context(), now, nobodyWaits(a.t))
			err = errors.Join(err, p.Close())
		}
	})
	return files, err
}

func (a authority) mustPush(d *devices, req PushRequest, now time.Time) PushedFiles {
	a.t.Helper()
	files, err := a.pushTo(d, req, now)
	if err != nil {
		a.t.Fatal(err)
	}
	return files
}

func sameKey(t *testing.T, dir, name string) bool {
	t.Helper()
	got, _ := os.ReadFile(filepath.Join(dir, "key.der")) // none is another one
	want, err := os.ReadFile(filepath.Join(name, "key.der"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(got, want)
}

func TestPushRemembersTheBoard(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	first := d.drive("one", "AA01")
	d.mount(first)
	a.mustPush(d, PushRequest{Name: "pico.local"}, start.In(time.FixedZone("", -5*3600)))
	if got := a.latest("pico.local").Record.Pushed; got == nil || got.To != first || got.BoardID != "AA01" || got.At != start {
		t.Errorf("recorded: got %+v", got)
	}

	// The new certificate should be where the previous one is.
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start.Add(day))
	latest := a.latest("pico.local")
	if got := latest.Record.Pushed; got == nil || got.BoardID != "AA01" || !got.At.IsZero() || !IsUnpushed(latest) {
		t.Errorf("after renewal: got %+v, want it unpushed", got)
	}

	// The drive has another name now, and another board has its old one.
	second := d.drive("two", "AA01")
	d.drive("one", "BB02")
	d.mount(first, second)
	a.mustPush(d, PushRequest{Name: "pico.local"}, start.Add(day))
	if !sameKey(t, second, "pico.local") || sameKey(t, first, "pico.local") {
		t.Error("the key is not on its own board, or on another one")
	}
	if got := a.latest("pico.local").Record.Pushed; got.To != second || IsUnpushed(a.latest("pico.local")) {
		t.Errorf("recorded: got %+v, want %s", got, second)
	}
}

func TestPushFollowsABoardToAnotherPort(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	mine, other := t.TempDir(), t.TempDir()
	d.plug("0", "AA01", mine)
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	if !sameKey(t, mine, "pico.local") {
		t.Error("the board has another key")
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start)
	d.plug("0", "BB02", other)
	d.plug("1", "AA01", mine)
	d.plug("2", "CC03", t.TempDir())
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	if !sameKey(t, mine, "pico.local") || sameKey(t, other, "pico.local") {
		t.Error("the key did not follow its board")
	}
	if got := a.latest("pico.local").Record.Pushed.To; got != "/dev/ttyACM1" {
		t.Errorf("recorded: got %s", got)
	}
	delete(d.ports, "/dev/ttyACM1")
	_, err := a.pushTo(d, PushRequest{Name: "pico.local"}, start)
	if err == nil || !strings.Contains(err.Error(), "/dev/ttyACM1 is not there") {
		t.Errorf("its board is away: got %v, want what is wrong with its own port", err)
	}
}

// TestPushTouchesNoBoardThatIsNotItsOwn: a missing ID is no proof either.
func TestPushTouchesNoBoardThatIsNotItsOwn(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	for _, name := range []string{"pico.local", "blue.local"} {
		a.mustIssue(Request{Names: names(t, name)}, start)
	}
	dir := d.drive("one", "AA01")
	d.mount(dir)
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	for _, row := range []struct {
		name, to, id string
		want         any
	}{
		{"blue.local", "", "AA01", new(*TakenBoardError)},
		{"blue.local", dir, "AA01", new(*TakenBoardError)},
		{"pico.local", "", "BB02", new(*OtherBoardError)},
		{"pico.local", dir, "BB02", new(*OtherBoardError)},
		{"pico.local", "", "", new(*OtherBoardError)},
		{"pico.local", dir, "no hexadecimal", new(*OtherBoardError)},
	} {
		d.drive("one", row.id)
		_, err := a.pushTo(d, PushRequest{Name: row.name, To: row.to}, start)
		if !errors.As(err, row.want) || fault.HintOf(err).IsZero() {
			t.Errorf("%s to %q, board %q: got %v, want %T and a hint", row.name, row.to, row.id, err, row.want)
		}
		if !sameKey(t, dir, "pico.local") {
			t.Errorf("%s to %q, board %q: the key was replaced", row.name, row.to, row.id)
		}
	}
	d.drive("one", "BB02")
	a.mustPush(d, PushRequest{Name: "pico.local", To: dir, Force: true}, start)
	if got := a.latest("pico.local").Record.Pushed.BoardID; got != "BB02" {
		t.Errorf("by force: got board %q", got)
	}
}

// TestBoardWithoutIDIsNamedEachTime: nothing distinguishes it from another one.
func TestBoardWithoutIDIsNamedEachTime(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	dir := d.drive("one", "")
	d.mount(dir)
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	_, err := a.pushTo(d, PushRequest{Name: "pico.local"}, start)
	if _, ok := errors.AsType[*NamelessBoardError](err); !ok {
		t.Errorf("got %v, want a NamelessBoardError", err)
	}
	a.mustPush(d, PushRequest{Name: "pico.local", To: dir}, start)
}

// TestRefusedPushMakesNothingFamiliar: what was refused is refused again.
func TestRefusedPushMakesNothingFamiliar(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	dir := d.drive("one", "AA01")
	d.mount(dir)
	d.must(os.WriteFile(filepath.Join(dir, "key.der"), []byte("another CA's"), 0o600))
	for range 2 {
		_, err := a.pushTo(d, PushRequest{Name: "pico.local"}, start)
		if _, ok := errors.AsType[*push.ExistsError](err); !ok {
			t.Errorf("got %v, want a push.ExistsError", err)
		}
	}
	if got := a.latest("pico.local").Record.Pushed; got != nil {
		t.Errorf("recorded: got %+v", got)
	}
	// The file of an earlier certificate, copied by hand, is picoca's.
	earlier, err := os.ReadFile("pico.local/key.der")
	d.must(err)
	d.must(os.WriteFile(filepath.Join(dir, "key.der"), earlier, 0o600))
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start)
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	// And on its own board, so is what a power cut left.
	d.must(os.WriteFile(filepath.Join(dir, "key.der"), []byte("half of"), 0o600))
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	if !sameKey(t, dir, "pico.local") {
		t.Error("the damaged key was not repaired")
	}
}

// TestFailedPushIsTriedAgain: a device that was reached and could not be written
// to should have the files.
func TestFailedPushIsTriedAgain(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	dir := d.drive("one", "AA01")
	d.mount(dir)
	d.must(os.MkdirAll(filepath.Join(dir, "key.der.new", "full"), 0o700)) // it cannot be replaced by a file
	if _, err := a.pushTo(d, PushRequest{Name: "pico.local"}, start); err == nil {
		t.Fatal("no error")
	}
	var waiting int
	a.use(func(c *CA) {
		all, err := c.Unpushed()
		d.must(err)
		waiting = len(all)
	})
	if got := a.latest("pico.local").Record.Pushed; waiting != 1 || got == nil || got.To != dir || got.BoardID != "AA01" {
		t.Errorf("got %d unpushed, %+v; want one, on %s", waiting, got, dir)
	}
	d.must(os.RemoveAll(filepath.Join(dir, "key.der.new")))
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	if IsUnpushed(a.latest("pico.local")) {
		t.Error("still unpushed")
	}
}

func TestRenewalForAnotherDeviceHasNoPlace(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	d.mount(d.drive("one", "AA01"))
	a.mustPush(d, PushRequest{Name: "pico.local"}, start)
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true, For: target(t, "pico-w/circuitpython@10")}, start)
	if got := a.latest("pico.local").Record.Pushed; got == nil {
		t.Error("other firmware of the same board: no place")
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true, For: target(t, "nginx"), Out: "nginx"}, start)
	if got := a.latest("pico.local").Record.Pushed; got != nil {
		t.Errorf("another device: got %+v", got)
	}
}

func TestPushWhatEndedOrNeverWas(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	issued := a.mustIssue(Request{Names: names(t, "pico.local")}, start).Issued
	a.mustIssue(identity(t, "phone"), start)
	d.mount(d.drive("one", "AA01"))
	for _, row := range []struct {
		req  PushRequest
		now  time.Time
		want any
	}{
		{PushRequest{Name: "pico.local"}, issued.Leaf.NotAfter.Add(day), new(*ExpiredError)},
		{PushRequest{Name: "nas.local"}, start, new(*NotIssuedError)},
		{PushRequest{Name: TheCA}, start, new(*WrongKindError)},
		{PushRequest{Name: "phone"}, start, new(*NoPlaceError)},
		{PushRequest{Name: "phone", To: "."}, start, new(*PassphraseError)},
		{PushRequest{Name: "phone", To: filepath.Join(d.base, "media/one")}, start, new(*NotLoadedError)},
		{PushRequest{Name: "pico.local", Reset: true}, start, new(*push.NoResetError)},
		{PushRequest{Name: "pico.local", To: "."}, start, new(*NoDriveError)},
	} {
		_, err := a.pushTo(d, row.req, row.now)
		if !errors.As(err, row.want) || fault.HintOf(err).IsZero() {
			t.Errorf("%+v: got %v, want %T and a hint", row.req, err, row.want)
		}
	}
	a.mustRevoke("pico.local", start)
	if _, err := a.pushTo(d, PushRequest{Name: "pico.local"}, start); !errors.As(err, new(*RevokedError)) {
		t.Errorf("revoked: got %v, want a RevokedError", err)
	}
	if entries, _ := os.ReadDir(filepath.Join(d.base, "media/one")); len(entries) != 1 {
		t.Errorf("the drive has %d files, want only its own", len(entries))
	}
}

func TestExampleIsForTheBoardsFirmware(t *testing.T) {
	a, d := newAuthority(t, ""), newDevices(t)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	dir := d.drive("one", "AA01")
	d.mount(dir)
	if files := a.mustPush(d, PushRequest{Name: "pico.local", Example: true}, start); files.ToFillIn != "settings.toml" {
		t.Errorf("CircuitPython: to fill in %q", files.ToFillIn)
	}
	if _, err := os.Stat(filepath.Join(dir, "code.py")); err != nil || !sameKey(t, dir, "pico.local") {
		t.Errorf("CircuitPython: %v, or another key", err)
	}
	if got, want := a.pages(), "[{pico.local true}]"; got != want {
		t.Errorf("devices that serve the CA to phones: got %s, want %s", got, want)
	}
}
