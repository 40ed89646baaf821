package push

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/picoca/picoca/internal/fault"
)

// folder is a board's drive, or any other folder. All goes through one open
// handle: a drive that is pulled out, and another one in its place, are never
// mistaken for it.
type folder struct {
	kind  Kind
	place string
	root  *os.Root
	hook  func(op, name string) error // for tests; nil does nothing
}

// bootOut is the file by which a drive is known to be a board's.
const bootOut = "boot_out.txt"

func openFolder(place, real string) (*folder, Kind, error) {
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, "", placeError(place, err)
	}
	f := &folder{kind: Folder, place: place, root: root}
	if info, err := root.Lstat(bootOut); err == nil && info.Mode().IsRegular() {
		f.kind = Drive
	}
	return f, f.kind, nil
}

func (f *folder) close() error { return f.root.Close() }

// step lets a test fail before a change.
func (f *folder) step(op, name string) error {
	if f.hook == nil {
		return nil
	}
	return f.hook(op, name)
}

func (f *folder) board(ctx context.Context) (Board, error) {
	if f.kind != Drive {
		return Board{}, nil
	}
	data, err := f.read(ctx, bootOut, maxBootOut)
	if err != nil {
		return Board{}, err
	}
	return parseBootOut(string(data)), nil
}

// maxBootOut is more than any board writes about itself.
const maxBootOut = 4096

// parseBootOut reads what CircuitPython writes at each start, for example
//
//	Adafruit CircuitPython 9.2.1 on 2024-11-20; Raspberry Pi Pico W with rp2040
//	Board ID:raspberry_pi_pico_w
//	UID:E6614C311B4B5F2E
func parseBootOut(text string) Board {
	b := Board{Firmware: "circuitpython"}
	scanner := bufio.NewScanner(strings.NewReader(text))
	for first := true; scanner.Scan(); first = false {
		line := strings.TrimSpace(scanner.Text())
		if _, name, ok := strings.Cut(line, ";"); ok && first {
			b.Name = boardName(name)
		}
		if id, ok := strings.CutPrefix(line, "UID:"); ok {
			b.ID = boardID(id)
		}
	}
	return b
}

// boardID returns an ID in capitals, "" if it is not hexadecimal: the drive may
// say anything.
func boardID(text string) string {
	id := strings.ToUpper(strings.TrimSpace(text))
	if len(id) > 64 || strings.Trim(id, "0123456789ABCDEF") != "" {
		return ""
	}
	return id
}

func boardName(text string) string {
	name := strings.TrimSpace(text)
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(name) > 100 || strings.ContainsFunc(name, odd) {
		return ""
	}
	return name
}

func (f *folder) room(context.Context) (int64, int64, error) { return freeBytes(f.root) }

func (f *folder) read(_ context.Context, name string, most int) ([]byte, error) {
	name = filepath.FromSlash(name)
	info, err := f.root.Lstat(name)
	switch {
	case err != nil:
		return nil, f.named(err)
	case !info.Mode().IsRegular():
		// A link would be replaced, and what it points to would stay as it is.
		return nil, fault.With(fmt.Errorf("%s: %q is %s, not a file", f.place, name, kindOf(info.Mode())), fault.Hintf("remove it, or choose another place: --to"))
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, f.named(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(most)))
	return data, f.named(err)
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "a special file"
}

func (f *folder) write(_ context.Context, file File, like string, progress func(int)) error {
	if err := f.step("write", file.Name); err != nil {
		return f.named(err)
	}
	name := filepath.FromSlash(file.Name)
	if err := f.root.Remove(name); err != nil && !isMissing(err) {
		return f.named(err)
	}
	mode := fs.FileMode(0o644)
	if file.Private {
		mode = 0o600
	}
	out, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return f.named(err)
	}
	if info, err := f.root.Lstat(filepath.FromSlash(like)); err == nil {
		copyOwner(out, info, file.Private)
	}
	_, err = out.Write(file.Data)
	err = errors.Join(err, f.step("sync", file.Name))
	if err == nil {
		err = out.Sync()
	}
	progress(len(file.Data))
	return f.named(errors.Join(err, out.Close()))
}

func (f *folder) swap(ctx context.Context, moves []move) error {
	if err := swapOneByOne(ctx, f, moves); err != nil {
		return err
	}
	return f.named(syncFolder(f.root))
}

func (f *folder) rename(_ context.Context, from, to string) error {
	if err := f.step("rename", from); err != nil {
		return f.named(err)
	}
	return f.named(f.root.Rename(filepath.FromSlash(from), filepath.FromSlash(to)))
}

func (f *folder) remove(_ context.Context, name string) error {
	if err := f.step("remove", name); err != nil {
		return f.named(err)
	}
	err := f.root.Remove(filepath.FromSlash(name))
	if isMissing(err) {
		return nil
	}
	return f.named(err)
}

func (f *folder) restart(_ context.Context, hard bool) error {
	if hard {
		return &NoResetError{f.kind}
	}
	return nil
}

// named adds the place to an error, whose own path is the name of a file there.
func (f *folder) named(err error) error {
	if err == nil {
		return nil
	}
	return placeError(f.place, err)
}

// placeError adds a place and what helps to an error of the disk. What the system
// was asked for is left out, and the file too if it is the place.
func placeError(place string, err error) error {
	err = fmt.Errorf("%s: %w", place, bare(place, err))
	for _, row := range diskHints {
		if errors.Is(err, row.err) {
			return fault.With(err, row.hint)
		}
	}
	return err
}

func bare(place string, err error) error {
	var path string
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		path, err = e.Path, e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		path, err = e.Old, e.Err
	}
	if path == "" || path == place || path == "." {
		return err
	}
	return fmt.Errorf("%q: %w", path, err)
}
