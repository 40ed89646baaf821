package cli

import (
	"errors"
	"path/filepath"
	"runtime"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

var errNoHome = errors.New("no folder for the certificate authority: neither --home, PICOCA_HOME nor HOME is set")

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
	return filepath.Join(base, "picoca"), nil
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

// open opens the store and checks its root certificate.
func (a *app) open() (*store.Store, *ca.Authority, error) {
	dir, err := a.home()
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	cert, err := s.RootCertificate()
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	authority, err := ca.NewAuthority(cert, a.Now())
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, authority, nil
}

// waiting tells whom the store waits for.
func (a *app) waiting(holder string) {
	if holder == "" {
		a.note("waiting for another picoca to finish")
		return
	}
	a.note("waiting for another picoca to finish (process %s)", holder)
}
