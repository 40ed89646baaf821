package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/pki"
)

var errNoHome = fault.New("no folder for the CA: neither --home, PICOCA_HOME nor HOME is set",
	fault.Hintf("name a folder: picoca --home FOLDER"))

// errSudo keeps sudo from creating a second CA in root's own home.
var errSudo = fault.WithCode(fault.New("there is no CA in root's home, and picoca was started with sudo",
	fault.Hintf("run the same command without sudo: picoca never needs to run as root")), fault.NoCA)

// errSudoInit keeps root from owning a user's CA.
var errSudoInit = fault.New("a CA created with sudo would belong to root",
	fault.Hintf("run the same command without sudo: picoca never needs to run as root"))

// options are what package pki must know of this run.
func (a *app) options() pki.Options {
	return pki.Options{Sudo: a.sudo(), AgentSocket: a.Getenv("SSH_AUTH_SOCK"), Wrap: a.Wrap}
}

// sudo returns the user who ran sudo, nil without sudo.
func (a *app) sudo() *output.Owner {
	uid, uidErr := strconv.Atoi(a.Getenv("SUDO_UID"))
	gid, gidErr := strconv.Atoi(a.Getenv("SUDO_GID"))
	if os.Geteuid() != 0 || uidErr != nil || gidErr != nil || uid <= 0 || gid < 0 {
		return nil
	}
	return &output.Owner{UID: uid, GID: gid}
}

// home returns the store's folder: --home, $PICOCA_HOME, or the place where
// the system keeps a user's data.
func (a *app) home() (string, error) {
	if a.homeFlag != "" {
		return a.homeFlag, nil
	}
	if dir := a.Getenv("PICOCA_HOME"); dir != "" {
		return dir, nil
	}
	base := a.dataFolder()
	if !filepath.IsAbs(base) {
		return "", errNoHome
	}
	dir := filepath.Join(base, "picoca")
	if _, err := os.Lstat(dir); err != nil && a.sudo() != nil {
		return "", errSudo
	}
	return dir, nil
}

func (a *app) dataFolder() string {
	if runtime.GOOS == "windows" {
		return a.Getenv("LocalAppData")
	}
	if dir := a.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir // the XDG specification ignores relative ones
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(a.Getenv("HOME"), "Library", "Application Support")
	}
	return filepath.Join(a.Getenv("HOME"), ".local", "share")
}

// open opens the CA.
func (a *app) open() (*pki.CA, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	return pki.Open(dir, a.options())
}

// with opens the CA for what is done with it.
func (a *app) with(do func(c *pki.CA) error) error {
	c, err := a.open()
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.Close())
}

// session unlocks the root key of c; close it.
func (a *app) session(ctx context.Context, c *pki.CA) (*pki.Session, error) {
	return c.Session(ctx, a.Now(), a.rootPassphrase(ctx), a.waiting)
}

// waiting says whom the store waits for.
func (a *app) waiting(holder string) {
	if holder == "" {
		a.note("waiting for another picoca to finish")
		return
	}
	a.note("waiting for another picoca to finish (process %s)", holder)
}
