package push

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// repl is a board behind a serial port: MicroPython's raw REPL, which runs what
// it is sent, and answers with what that printed. docs.micropython.org,
// reference/repl, "Raw mode".
type repl struct {
	place string
	port  io.Closer
	s     *stream
	times times
	left  bool // the board was reset or lost: it has no raw REPL now, or not in step
	sync  bool // it has a file system that must be told to write
}

// times are how long a board may take.
type times struct {
	enter time.Duration // to stop its program
	quiet time.Duration // between two outputs
	run   time.Duration // to run a command: a full flash memory erases slowly
}

var usualTimes = times{enter: 3 * time.Second, quiet: 100 * time.Millisecond, run: 30 * time.Second}

const (
	ctrlA, ctrlB, ctrlC, ctrlD = "\x01", "\x02", "\x03", "\x04"

	rawBanner = "raw REPL; CTRL-B to exit\r\n>"
	// blockSize bytes are 240 characters in base64: some ports hold only 256, and
	// no more is sent before the board has answered.
	blockSize = 180
	// tries are more than one: a program may catch Ctrl-C once, and a board that
	// is just starting hears nothing.
	tries = 4
)

// NoBoardError says that nothing like MicroPython answers behind a port.
type NoBoardError struct {
	Place string
	Said  bool // something else answers
}

func (e *NoBoardError) Error() string {
	if e.Said {
		return fmt.Sprintf("%s answers, but not like a board with MicroPython", e.Place)
	}
	return fmt.Sprintf("%s does not answer", e.Place)
}

// Hint names the usual causes.
func (e *NoBoardError) Hint() fault.Hint {
	if e.Said {
		return fault.Hintf("check that it is the board's port; a program that catches KeyboardInterrupt must be stopped first: press the board's reset button, and try again at once")
	}
	return fault.Hintf("check that it is the board's port, connect the board again, and end other programs that use the port, such as Thonny")
}

// openREPL stops the board's program.
func openREPL(ctx context.Context, place string, port io.ReadWriteCloser, t times) (*repl, error) {
	r := &repl{place: place, port: port, s: newStream(port, port), times: t}
	err := r.enter(ctx)
	if err == nil {
		_, err = r.run(ctx, "import os,binascii as b;h=b.hexlify;u=b.a2b_base64")
	}
	if err != nil {
		r.left = r.left || ctx.Err() == nil // after an interruption the program has stopped, and starts again
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *repl) enter(ctx context.Context) error {
	said := false
	for range tries {
		if err := r.s.write([]byte("\r" + ctrlC + ctrlC)); err != nil {
			return &GoneError{r.place, err}
		}
		if r.s.drain(ctx, r.times.quiet) > 0 {
			said = true
		}
		if err := r.s.write([]byte("\r" + ctrlA)); err != nil {
			return &GoneError{r.place, err}
		}
		_, err := r.s.until(ctx, []byte(rawBanner), r.times.enter)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errClosed):
			return &GoneError{r.place, err}
		}
		said = said || len(r.s.buffer) > 0
	}
	return &NoBoardError{r.place, said}
}

// pythonError is an exception on the board.
type pythonError struct {
	place, text string // the exception's last line
	errno       int
}

func (e *pythonError) Error() string { return fmt.Sprintf("%s: the board says %q", e.place, e.text) }

// The numbers of errors on boards: MicroPython's py/mperrno.h.
const (
	boardENOENT = 2
	boardENOSPC = 28
	boardEROFS  = 30
)

// Is makes a missing file fs.ErrNotExist.
func (e *pythonError) Is(target error) bool {
	return target == fs.ErrNotExist && e.errno == boardENOENT
}

// Hint says what a number means.
func (e *pythonError) Hint() fault.Hint {
	switch {
	case e.errno == boardENOSPC:
		return fault.Hintf("delete files that the board no longer needs, then run the same command again")
	case e.errno == boardEROFS:
		return fault.Hintf("CircuitPython lets only the computer write while its drive is connected: name the drive with --to")
	case strings.HasPrefix(e.text, "MemoryError"):
		return fault.Hintf("the board's program has used up its memory: press the reset button, then run the same command again")
	}
	return fault.Hint{}
}

// run has the board run a program, and returns what it printed. It fails with a
// GoneError if that is not to be had, or with the context's.
func (r *repl) run(ctx context.Context, program string) (string, error) {
	switch {
	case r.left:
		return "", &GoneError{r.place, errClosed}
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	if err := r.s.write([]byte(program + ctrlD)); err != nil {
		r.left = true
		return "", &GoneError{r.place, err}
	}
	var parts [3]string
	for i, end := range []string{"OK", ctrlD, ctrlD + ">"} {
		part, err := r.answer(ctx, []byte(end))
		if err != nil {
			return "", r.gone(ctx, err)
		}
		parts[i] = string(part)
	}
	if parts[2] != "" {
		return "", r.exception(parts[2])
	}
	return parts[1], nil
}

// answer waits for the end of an answer, after an interruption a little longer:
// the board then still has to clean up, and to start its program again.
func (r *repl) answer(ctx context.Context, end []byte) ([]byte, error) {
	part, err := r.s.until(ctx, end, r.times.run)
	if err != nil && ctx.Err() != nil {
		part, err = r.s.until(context.WithoutCancel(ctx), end, r.times.enter)
	}
	return part, err
}

// gone is a failure in the middle of an exchange: what still comes would be taken
// for the answer to the next question. The board's command is stopped, and its
// REPL entered anew, which it answers once it has come to its end. If it does not,
// nothing more is asked.
func (r *repl) gone(ctx context.Context, err error) error {
	r.left = errors.Is(err, errClosed) || r.enter(context.WithoutCancel(ctx)) != nil
	if ctx.Err() != nil && !r.left {
		return ctx.Err()
	}
	return &GoneError{r.place, err}
}

func (r *repl) exception(traceback string) error {
	lines := strings.Split(strings.TrimSpace(traceback), "\n")
	text := strings.TrimSpace(lines[len(lines)-1])
	e := &pythonError{place: r.place, text: text[:min(len(text), 200)]}
	if rest, ok := strings.CutPrefix(text, "OSError: "); ok {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "("), "[Errno ")
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		e.errno, _ = strconv.Atoi(rest[:digits])
	}
	return e
}

// quote writes a text as Python does.
func quote(name string) string { return strconv.QuoteToASCII(name) }

func (r *repl) board(ctx context.Context) (Board, error) {
	id, err := r.run(ctx, "try:\n import machine;i=machine.unique_id()\nexcept Exception:\n try:\n  import microcontroller as m;i=m.cpu.uid\n except Exception:i=b''\nprint(h(i).decode())")
	if err != nil {
		return Board{}, err
	}
	name, err := r.run(ctx, "try:print(os.uname().machine)\nexcept Exception:print()")
	if err != nil {
		return Board{}, err
	}
	firmware, err := r.run(ctx, "import sys;print(sys.implementation.name)")
	if err != nil {
		return Board{}, err
	}
	sync, err := r.run(ctx, "print(hasattr(os,'sync'))")
	r.sync = strings.TrimSpace(sync) == "True"
	return Board{boardID(id), boardName(name), strings.TrimSpace(firmware)}, err
}

func (r *repl) room(ctx context.Context) (int64, int64, error) {
	out, err := r.run(ctx, "s=os.statvfs(os.getcwd());print(s[1]*s[4],s[1])")
	if err != nil {
		return 0, 0, err
	}
	first, second, _ := strings.Cut(strings.TrimSpace(out), " ")
	free, freeErr := strconv.ParseInt(first, 10, 64)
	block, blockErr := strconv.ParseInt(second, 10, 64)
	if freeErr != nil || blockErr != nil || block <= 0 {
		return -1, 1, nil
	}
	return free, block, nil
}

func (r *repl) read(ctx context.Context, name string, most int) (data []byte, err error) {
	if _, err := r.run(ctx, "f=open("+quote(name)+",'rb')"); err != nil {
		return nil, err
	}
	for len(data) < most {
		out, err := r.run(ctx, "print(h(f.read(256)).decode())")
		if err != nil {
			return nil, errors.Join(err, r.closeFile(ctx))
		}
		block, err := hex.DecodeString(strings.TrimSpace(out))
		if err != nil {
			return nil, errors.Join(r.gone(ctx, err), r.closeFile(ctx))
		}
		if len(block) == 0 {
			break
		}
		data = append(data, block...)
	}
	_, err = r.run(ctx, "f.close()")
	return data[:min(len(data), most)], err
}

func (r *repl) write(ctx context.Context, file File, _ string, progress func(int)) error {
	if dir := path.Dir(file.Name); dir != "." {
		if _, err := r.run(ctx, "if "+quote(dir)+" not in os.listdir():os.mkdir("+quote(dir)+")"); err != nil {
			return err
		}
	}
	if _, err := r.run(ctx, "f=open("+quote(file.Name)+",'wb')"); err != nil {
		return err
	}
	for done := 0; done < len(file.Data); {
		block := file.Data[done:min(done+blockSize, len(file.Data))]
		if _, err := r.run(ctx, "f.write(u('"+base64.StdEncoding.EncodeToString(block)+"'))"); err != nil {
			return errors.Join(err, r.closeFile(ctx))
		}
		done += len(block)
		progress(done)
	}
	if _, err := r.run(ctx, "f.close()"); err != nil {
		return err
	}
	return r.flush(ctx)
}

// closeFile lets a board remove a file that it could not write or read. The error
// that led here is the one that matters.
func (r *repl) closeFile(ctx context.Context) error {
	_, _ = r.run(context.WithoutCancel(ctx), "f.close()")
	return nil
}

// flush has on the medium what was written. Most file systems of boards write
// at once, and lack the call.
func (r *repl) flush(ctx context.Context) error {
	if !r.sync {
		return nil
	}
	_, err := r.run(ctx, "os.sync()")
	return err
}

func (r *repl) swap(ctx context.Context, moves []move) error {
	var pairs strings.Builder
	for _, m := range moves {
		fmt.Fprintf(&pairs, "(%s,%s),", quote(m.name), quote(m.old))
	}
	// In one go, so that nothing that happens here comes between two names.
	_, err := r.run(ctx, "for n,o in ["+pairs.String()+"]:\n try:os.rename(n,o)\n except OSError as e:\n  if e.args[0]!=2:raise\n os.rename(n+'.new',n)")
	if err != nil {
		return err
	}
	return r.flush(ctx)
}

func (r *repl) rename(ctx context.Context, from, to string) error {
	if err := r.remove(ctx, to); err != nil { // FAT replaces no file by a rename
		return err
	}
	_, err := r.run(ctx, "os.rename("+quote(from)+","+quote(to)+")")
	return err
}

func (r *repl) remove(ctx context.Context, name string) error {
	_, err := r.run(ctx, "try:os.remove("+quote(name)+")\nexcept OSError as e:\n if e.args[0]!=2:raise")
	return err
}

// restart resets the board. Its answer is lost with the port, if that is the
// board's own.
func (r *repl) restart(ctx context.Context, hard bool) error {
	if !hard || r.left {
		return nil
	}
	r.left = true
	if err := r.s.write([]byte("try:import machine as m\nexcept ImportError:import microcontroller as m\nm.reset()" + ctrlD)); err != nil {
		return &GoneError{r.place, err}
	}
	_, _ = r.s.until(ctx, []byte("OK"), r.times.enter)
	return nil
}

// close starts the board's program again, which was stopped, by a soft reset.
func (r *repl) close() error {
	defer r.s.close()
	if !r.left && r.s.write([]byte("\r"+ctrlB+ctrlD)) == nil {
		_, _ = r.s.until(context.Background(), []byte("soft reboot"), r.times.enter)
	}
	return r.port.Close()
}
