package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/picoca/picoca/internal/fault"
)

// A Computer is where devices are looked for. ThisComputer returns the real one;
// another is a test's.
type Computer struct {
	OS   string // as runtime.GOOS
	Base string // in front of the paths of the system's own files; "" on a real computer
	// OpenPort opens a serial port.
	OpenPort func(name string) (io.ReadWriteCloser, error)
	// Start runs a program: ssh.
	Start func(args []string) (*Process, error)
	// Dial reaches a web workflow, or a board that takes updates.
	Dial Dial

	times times
}

// ThisComputer returns the computer that picoca runs on.
func ThisComputer() Computer {
	return Computer{OS: runtime.GOOS, OpenPort: openPort, Start: startProcess, Dial: (&net.Dialer{}).DialContext}
}

// Access is what the web workflow needs.
type Access struct {
	// InsecureHTTP lets the key go over the network unencrypted.
	InsecureHTTP bool
	Password     func() ([]byte, error)
}

// PlaceError says that nothing can be pushed to a place.
type PlaceError struct {
	Place, text string
	advice      fault.Hint
}

func (e *PlaceError) Error() string { return fmt.Sprintf("%q %s", e.Place, e.text) }

// Hint names the forms of a place.
func (e *PlaceError) Hint() fault.Hint {
	if !e.advice.IsZero() {
		return e.advice
	}
	return fault.Hintf("--to takes a drive or folder that exists, a serial port, http://ADDRESS or https://ADDRESS:PORT of a board, or HOST:FOLDER for ssh")
}

var windowsPort = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?i)COM[1-9][0-9]{0,2}$`) })

// Open reaches the device at a place, and asks it who it is. It fails with a
// PlaceError, and as each way does.
func (c Computer) Open(ctx context.Context, place string, access Access) (*Device, error) {
	d, err := c.reach(ctx, place, access)
	if err != nil {
		return nil, err
	}
	if d.updates != nil {
		return d, nil
	}
	if d.Board, err = d.conn.board(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (c Computer) reach(ctx context.Context, place string, access Access) (*Device, error) {
	info, err := os.Stat(place)
	host, dir, isRemote := ParseRemote(place)
	switch {
	case place == "":
		return nil, &PlaceError{Place: place, text: "is no place"}
	case strings.HasPrefix(place, "http://"):
		conn, err := openWeb(ctx, place, c.Dial, access)
		return device(Web, place, conn, err)
	case strings.HasPrefix(place, "https://"):
		return openUpdates(place, c.Dial)
	case strings.Contains(place, "://"):
		return nil, &PlaceError{place, "is not a kind of address that picoca knows", schemeHint(place)}
	case c.OS == "windows" && windowsPort().MatchString(place), err == nil && info.Mode()&fs.ModeCharDevice != 0, slices.Contains(c.ports(), place):
		return c.openBoard(ctx, place)
	case err == nil && info.IsDir():
		return openDir(place)
	case err == nil:
		return nil, &PlaceError{Place: place, text: "is neither a folder nor a serial port"}
	case isRemote && !(c.OS == "windows" && len(host) == 1):
		conn, err := openRemote(ctx, place, host, dir, c.Start)
		return device(Remote, place, conn, err)
	case !isMissing(err):
		return nil, placeError(place, err)
	}
	return nil, &PlaceError{Place: place, text: "does not exist", advice: missingHint(place)}
}

// device is what was reached, unless that failed. A nil conn of some type would
// not be a nil interface.
func device(kind Kind, place string, c conn, err error) (*Device, error) {
	if err != nil {
		return nil, err
	}
	return &Device{Kind: kind, Place: place, conn: c}, nil
}

func schemeHint(place string) fault.Hint {
	scheme, rest, _ := strings.Cut(place, "://")
	switch scheme {
	case "ssh", "scp", "sftp":
		host, dir, _ := strings.Cut(rest, "/")
		return fault.Hintf("--to %s", fault.Quote(host+":/"+dir))
	}
	return fault.Hint{}
}

func missingHint(place string) fault.Hint {
	if strings.HasPrefix(place, "/") {
		return fault.Hintf("connect the board; if it has another drive or port now: --to")
	}
	return fault.Hint{}
}

func openDir(place string) (*Device, error) {
	// A relative path would name something else tomorrow.
	whole, err := filepath.Abs(place)
	if err != nil {
		return nil, placeError(place, err)
	}
	folder, kind, err := openFolder(whole, whole)
	return device(kind, whole, folder, err)
}

func (c Computer) openBoard(ctx context.Context, place string) (*Device, error) {
	port, err := c.OpenPort(place)
	if err != nil {
		return nil, err
	}
	t := c.times
	if t == (times{}) {
		t = usualTimes
	}
	repl, err := openREPL(ctx, place, port, t)
	return device(Port, place, repl, err)
}

// A Candidate is a place where a board seems to be.
type Candidate struct {
	Kind  Kind
	Place string
	// Board is what a drive says. A port was not asked: that stops its program.
	Board Board
}

// Find returns the boards that are connected over USB: drives with CircuitPython
// first, then serial ports whose USB numbers are MicroPython's, or on a Mac,
// which does not show them, any port of a USB device. No other port is touched:
// what is behind it may take Ctrl-C for a command.
func (c Computer) Find(ctx context.Context) []Candidate {
	var found []Candidate
	for _, place := range c.drives() {
		folder, kind, err := openFolder(place, place)
		if err != nil {
			continue // gone since, or not for this user
		}
		if board, err := folder.board(ctx); kind == Drive && err == nil {
			found = append(found, Candidate{Drive, place, board})
		}
		_ = folder.close()
	}
	if c.OS == "darwin" && len(found) > 0 {
		return found // the port seems to be that of the drive's board
	}
	for _, place := range c.ports() {
		found = append(found, Candidate{Kind: Port, Place: place})
	}
	return found
}

// drives returns the places of removable drives.
func (c Computer) drives() []string {
	switch c.OS {
	case "linux":
		data, _ := os.ReadFile(c.Base + "/proc/self/mountinfo") // without it there are none
		return parseMounts(string(data))
	case "darwin":
		places, _ := filepath.Glob(c.Base + "/Volumes/*")
		return places
	}
	return driveLetters()
}

// fatTypes are the file systems of boards' drives as Linux names them; the last
// one is fusefat's, which mounts an image without the kernel's driver.
var fatTypes = map[string]bool{"vfat": true, "msdos": true, "fuse.fusefat": true}

// parseMounts returns the mount points of FAT file systems in
// /proc/self/mountinfo (proc_pid_mountinfo(5)): the fifth field, and the first
// after the hyphen.
func parseMounts(text string) []string {
	var places []string
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(left), strings.Fields(right)
		if ok && len(fields) >= 5 && len(kind) > 0 && fatTypes[kind[0]] {
			places = append(places, unescape(fields[4]))
		}
	}
	return places
}

// unescape replaces \040 and the like: blanks, tabs, newlines and backslashes are
// written so.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
