package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// serial is a computer whose only port leads to what open returns.
func serialComputer(port io.ReadWriteCloser, t times) Computer {
	return Computer{OS: "linux", OpenPort: func(string) (io.ReadWriteCloser, error) { return port, nil }, times: t}
}

func openBoardIn(t *testing.T, dir string) *Device {
	t.Helper()
	d, err := serialComputer(pythonBoard(t, dir), patient).openBoard(t.Context(), "/dev/ttyACM0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if d.Board, err = d.conn.board(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSerialFilesAreByteIdentical(t *testing.T) {
	dir := t.TempDir()
	d := openBoardIn(t, dir)
	if d.Board.ID != boardIDText {
		t.Errorf("ID: got %q, want %q", d.Board.ID, boardIDText)
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, size := range []int{0, 1, blockSize, blockSize + 1, 603, 5000} {
		data := bytes.Repeat(every, size/256+1)[:size]
		file := File{Name: "it's a \"file\".der", Data: data}
		if _, err := d.Put(t.Context(), []File{file}, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := content(t, dir, file.Name); got != string(data) {
			t.Errorf("%d bytes: got %d others", size, len(got))
		}
	}
}

func TestSerialReplacesThePair(t *testing.T) {
	dir := t.TempDir()
	d := openBoardIn(t, dir)
	mustPut(t, d, pair("one"))
	mustPut(t, d, pair("two"))
	checkPair(t, dir, "two")
	if done := mustPut(t, d, pair("two")); done[0].State != Unchanged || done[1].State != Unchanged {
		t.Errorf("again: got %+v, want unchanged", done)
	}
}

// TestSerialStartsTheProgramAgain: it was stopped, and a board that only renews
// its certificate must not stay dark.
func TestSerialStartsTheProgramAgain(t *testing.T) {
	dir := t.TempDir()
	d := openBoardIn(t, dir)
	mustPut(t, d, pair("one"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "starts"); got != "x" {
		t.Errorf("starts of the program: got %q, want one", got)
	}
	if got := content(t, dir, "was-reset"); got != "-" {
		t.Errorf("the board was reset: %q", got)
	}
}

func TestSerialReset(t *testing.T) {
	dir := t.TempDir()
	d := openBoardIn(t, dir)
	if err := errors.Join(d.Reset(t.Context()), d.conn.(*repl).waitReboot(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "was-reset"); got != "" {
		t.Errorf("was-reset: got %q", got)
	}
}

// waitReboot waits until the stand-in has reset.
func (r *repl) waitReboot() error {
	_, err := r.s.until(context.Background(), []byte("soft reboot"), time.Minute)
	return err
}

func TestSerialErrorsOfTheBoard(t *testing.T) {
	r := &repl{place: "/dev/ttyACM0"}
	for _, row := range []struct{ traceback, want, hint string }{
		{"Traceback (most recent call last):\r\n  File \"<stdin>\"\r\nOSError: 28\r\n", `/dev/ttyACM0: the board says "OSError: 28"`, "delete files"},
		{"OSError: [Errno 28] ENOSPC\r\n", "ENOSPC", "delete files"},
		{"OSError: [Errno 30] Read-only filesystem\r\n", "Read-only", "name the drive with --to"},
		{"OSError: (28, 'x')\r\n", "28", "delete files"},
		{"MemoryError: memory allocation failed, allocating 300 bytes\r\n", "MemoryError", "used up its memory"},
		{"ValueError: odd\r\n", "odd", ""},
	} {
		err := r.exception(row.traceback)
		hint := fault.HintOf(err).Text(func(fault.Command) string { return "" })
		if !strings.Contains(err.Error(), row.want) || !strings.Contains(hint, row.hint) || row.hint == "" && hint != "" {
			t.Errorf("%q: got %q, %q; want %q, %q", row.traceback, err, hint, row.want, row.hint)
		}
	}
	if err := r.exception("OSError: I2C bus 2"); isMissing(err) {
		t.Errorf("a text with a number: got %v", err)
	}
	if err := r.exception("OSError: [Errno 2] ENOENT"); !isMissing(err) {
		t.Errorf("ENOENT: got %v, want fs.ErrNotExist", err)
	}
}

// scripted is a port that answers each write with what say returns, and ends
// when that is io.EOF.
type scripted struct {
	say     func(written string) (string, error)
	answers chan string
	rest    string
}

func newScripted(say func(string) (string, error)) *scripted {
	return &scripted{say: say, answers: make(chan string, 1000)}
}

func (p *scripted) Write(data []byte) (int, error) {
	text, err := p.say(string(data))
	if text != "" {
		p.answers <- text
	}
	if err != nil {
		close(p.answers)
		return 0, err
	}
	return len(data), nil
}

func (p *scripted) Read(buffer []byte) (int, error) {
	if p.rest == "" {
		text, open := <-p.answers
		if !open {
			return 0, io.EOF
		}
		p.rest = text
	}
	n := copy(buffer, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *scripted) Close() error { return nil }

// hurried are times for ports on which a board never answers. They suffice for what
// answers something else at once.
var hurried = times{enter: 500 * time.Millisecond, quiet: 20 * time.Millisecond, run: 500 * time.Millisecond}

func TestPortsWithoutABoard(t *testing.T) {
	for _, row := range []struct {
		name string
		say  func(string) (string, error)
		want string
	}{
		{"silent", func(string) (string, error) { return "", nil }, "/dev/ttyACM0 does not answer"},
		{"garbage", func(string) (string, error) { return "\xff\x00T:20.1 ok\r\n", nil }, "answers, but not like a board"},
		{"echo", func(text string) (string, error) { return text, nil }, "answers, but not like a board"},
		{"gone", func(string) (string, error) { return "", io.ErrClosedPipe }, "closed pipe"},
	} {
		_, err := serialComputer(newScripted(row.say), hurried).openBoard(t.Context(), "/dev/ttyACM0")
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.name, err, row.want)
		}
		if hint := fault.HintOf(err); hint.IsZero() {
			t.Errorf("%s: no hint", row.name)
		}
	}
}

// TestPortThatDoesNotOpen: busy, and all else that opening says.
func TestPortThatDoesNotOpen(t *testing.T) {
	if _, err := openPort("/dev/null"); err == nil || fault.HintOf(err).IsZero() {
		t.Errorf("/dev/null: got %v, want an error with a hint", err)
	}
}

// relay passes everything on, until it is cut off after so many writes.
type relay struct {
	io.ReadWriteCloser
	writes int
	cut    int // never if 0
}

func (r *relay) Write(data []byte) (int, error) {
	r.writes++
	if r.cut != 0 && r.writes >= r.cut {
		return 0, errors.New("input/output error")
	}
	return r.ReadWriteCloser.Write(data)
}

// TestSerialCutOffAnywhere unplugs the board before each single command of a
// push. The next push repairs whatever that left.
func TestSerialCutOffAnywhere(t *testing.T) {
	dir := t.TempDir()
	whole := &relay{ReadWriteCloser: pythonBoard(t, dir)}
	total := pushOver(t, whole, "one")
	if total < 20 {
		t.Fatalf("a push takes %d writes: too few to be true", total)
	}
	for cut := 1; cut < total; cut += 1 + total/6 {
		dir := t.TempDir()
		pushOver(t, &relay{ReadWriteCloser: pythonBoard(t, dir)}, "one")
		r := &relay{ReadWriteCloser: pythonBoard(t, dir), cut: cut}
		d, err := serialComputer(r, patient).Open(t.Context(), "/dev/null", Access{})
		if err == nil {
			_, err = d.Put(t.Context(), pair("two"), Options{})
			d.Close()
		}
		if err == nil {
			t.Errorf("cut off before write %d: reported as good", cut)
		}
		pushOver(t, &relay{ReadWriteCloser: pythonBoard(t, dir)}, "two")
		checkPair(t, dir, "two")
	}
}

func pushOver(t *testing.T, r *relay, version string) int {
	t.Helper()
	d, err := serialComputer(r, patient).Open(t.Context(), "/dev/null", Access{})
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, d, pair(version))
	writes := r.writes
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return writes
}

// cancelling is a port that ends a context at one of its writes.
type cancelling struct {
	io.ReadWriteCloser
	writes, at int
	cancel     context.CancelFunc
}

func (c *cancelling) Write(data []byte) (int, error) {
	if c.writes++; c.writes == c.at {
		c.cancel()
	}
	return c.ReadWriteCloser.Write(data)
}

// TestSerialInterrupted: a user who presses Ctrl-C leaves a whole pair, nothing
// beside it, and a board whose program runs again.
func TestSerialInterrupted(t *testing.T) {
	total := pushOver(t, &relay{ReadWriteCloser: pythonBoard(t, t.TempDir())}, "one")
	for _, at := range []int{total / 2, total - 8, total - 7, total - 6, total - 5, total - 4} {
		dir := t.TempDir()
		pushOver(t, &relay{ReadWriteCloser: pythonBoard(t, dir)}, "one")
		ctx, cancel := context.WithCancel(t.Context())
		port := &cancelling{ReadWriteCloser: pythonBoard(t, dir), at: at, cancel: cancel}
		d, err := serialComputer(port, patient).Open(ctx, "/dev/null", Access{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Put(ctx, pair("two"), Options{})
		want := "two"
		if errors.Is(err, context.Canceled) {
			want = "one"
		} else if err != nil {
			t.Errorf("write %d: %v", at, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		checkPair(t, dir, want)
		if got := content(t, dir, "starts"); got != "xx" {
			t.Errorf("write %d: starts of the program: got %q, want one for each push", at, got)
		}
		cancel()
	}
}

// late is a port that loses an answer: what the board says to the write at is held
// back until the next write, after a timeout or an interruption.
type late struct {
	io.ReadWriteCloser
	at     int
	cancel context.CancelFunc // called at that write, if not nil

	lock   sync.Mutex
	writes int
	held   sync.Cond
}

func newLate(port io.ReadWriteCloser, at int, cancel context.CancelFunc) *late {
	l := &late{ReadWriteCloser: port, at: at, cancel: cancel}
	l.held.L = &l.lock
	return l
}

func (l *late) Write(data []byte) (int, error) {
	l.lock.Lock()
	l.writes++
	hit := l.writes == l.at
	l.lock.Unlock()
	l.held.Broadcast()
	if hit && l.cancel != nil {
		l.cancel()
	}
	return l.ReadWriteCloser.Write(data)
}

func (l *late) Read(buffer []byte) (int, error) {
	n, err := l.ReadWriteCloser.Read(buffer)
	l.lock.Lock()
	defer l.lock.Unlock()
	for l.writes == l.at {
		l.held.Wait()
	}
	return n, err
}

// TestSerialAnswerThatComesLate: an answer that was given up, or that an
// interruption did not wait for, is not taken for that to the next command. The
// board has a whole pair, nothing beside it, and its program runs again.
func TestSerialAnswerThatComesLate(t *testing.T) {
	total := pushOver(t, &relay{ReadWriteCloser: pythonBoard(t, t.TempDir())}, "one")
	short := times{enter: 2 * time.Second, quiet: 20 * time.Millisecond, run: time.Second}
	// While it is opened, while files are written, and while they take their places.
	for _, at := range []int{4, total / 3, total / 2, total * 3 / 4, total * 7 / 8} {
		for _, interrupted := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, interrupted %t", at, interrupted), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				pushOver(t, &relay{ReadWriteCloser: pythonBoard(t, dir)}, "one")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				port := newLate(pythonBoard(t, dir), at, nil)
				if interrupted {
					port.cancel = cancel
				}
				d, err := serialComputer(port, short).Open(ctx, "/dev/null", Access{})
				if err == nil {
					_, err = d.Put(ctx, pair("two"), Options{})
					err = errors.Join(err, d.Close())
				}
				if err == nil {
					t.Error("reported as good")
				}
				want := "one"
				if content(t, dir, "cert.der") == string(pair("two")[0].Data) {
					want = "two"
				}
				checkPair(t, dir, want)
				if got := content(t, dir, "starts"); got != "xx" {
					t.Errorf("starts of the program: got %q, want one for each push", got)
				}
			})
		}
	}
}
