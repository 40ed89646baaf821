package trust

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// A Computer is where trust stores are looked for. ThisComputer returns the real
// one; another is a test's.
type Computer struct {
	OS         string // as runtime.GOOS
	Base       string // in front of every path, "" on a real computer
	Home       string
	ConfigHome string // of the XDG base directories; may be empty
	DataHome   string
	JavaHome   string
	Path       []string // where programs are
	UID        int
	SudoUser   string // who ran picoca through sudo
	Run        Runner
}

const sudo = "sudo"

// ThisComputer returns the computer that picoca runs on, for the user whose
// environment it is.
func ThisComputer(getenv func(string) string) Computer {
	home, _ := os.UserHomeDir() // stays empty: no store of the user is found
	return Computer{
		OS: runtime.GOOS, Home: home, ConfigHome: getenv("XDG_CONFIG_HOME"), DataHome: getenv("XDG_DATA_HOME"),
		JavaHome: getenv("JAVA_HOME"), Path: filepath.SplitList(getenv("PATH")), UID: os.Getuid(), SudoUser: getenv("SUDO_USER"),
		Run: Exec,
	}
}

// admin are where programs for root are. Debian leaves them out of users' PATH,
// and sudo finds them all the same.
var admin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// program returns a program's path, "" if there is none.
func (c *Computer) program(names ...string) string {
	for _, name := range names {
		if c.OS == "windows" {
			name += ".exe"
		}
		for _, dir := range slices.Concat(c.Path, admin) {
			// A relative folder in PATH is anyone's who made this folder.
			if full := filepath.Join(dir, name); filepath.IsAbs(full) && c.executable(full) {
				return full
			}
		}
	}
	return ""
}

func (c *Computer) executable(path string) bool {
	info, err := os.Stat(c.at(path))
	return err == nil && info.Mode().IsRegular() && (c.OS == "windows" || info.Mode()&0o111 != 0)
}

func (c *Computer) at(path string) string { return filepath.Join(c.Base, path) }

func (c *Computer) isDir(path string) bool {
	info, err := os.Stat(c.at(path))
	return err == nil && info.IsDir()
}

func (c *Computer) isFile(path string) bool {
	info, err := os.Stat(c.at(path))
	return err == nil && info.Mode().IsRegular()
}

// target returns where a link points, "" if it is none.
func (c *Computer) target(path string) string {
	target, _ := os.Readlink(c.at(path)) // "" for what is no link
	return target
}

// read returns a file's bytes, none if it does not exist.
func (c *Computer) read(path string) ([]byte, error) {
	data, err := os.ReadFile(c.at(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// glob returns the paths that match a pattern, sorted.
func (c *Computer) glob(pattern string) []string {
	found, _ := filepath.Glob(c.at(pattern)) // the patterns are ours
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], strings.TrimSuffix(c.Base, "/"))
	}
	return found
}

// look runs a command that changes nothing.
func (c *Computer) look(ctx context.Context, args ...string) (string, error) {
	return c.Run(ctx, Command{Args: args, Time: lookTime})
}

// hasRoot reports whether commands can be run as root.
func (c *Computer) hasRoot() bool { return c.UID == 0 || c.program(sudo) != "" }

// check refuses a run through sudo: the user's own stores would be root's.
func (c *Computer) check() error {
	if c.SudoUser == "" || c.UID != 0 || c.SudoUser == "root" {
		return nil
	}
	return fault.With(errors.New("trust was run through sudo, so it would fill the stores of root instead of those of "+c.SudoUser),
		fault.Hintf("%s without sudo: it runs the commands that need root through sudo itself", fault.Command{"trust"}))
}
