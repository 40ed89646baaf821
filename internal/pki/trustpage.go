package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/store"
)

// trustPageFile is a file of a device whose project serves the CA to phones: the
// SHA-256 of the roots there, each on a line. It is empty if the latest project
// serves none.
const trustPageFile = "trust-page.txt"

// TrustPage is a device whose project serves the CA to phones.
type TrustPage struct {
	Name string
	// Current reports whether the project has the roots that the CA has today, or
	// the board, by an update. Whether the board has that project cannot be seen.
	Current bool
	// Updates reports whether an update brings the page to the board.
	Updates bool
}

// TrustPages returns the devices whose projects serve the CA to phones, unless
// their certificates are revoked or have expired at now.
func (c *CA) TrustPages(now time.Time) ([]TrustPage, error) {
	today, err := c.trusted()
	if err != nil {
		return nil, err
	}
	want := fingerprints(certificatesOf(today))
	var pages []TrustPage
	for issued, err := range c.All(true) {
		if err != nil || KindOf(issued) != Device || issued.Revoked != nil || now.After(issued.Leaf.NotAfter) {
			continue // damage is for others to report: this certificate has no part in it
		}
		has, err := c.trustPage(issued.Record.Name)
		if err != nil {
			return nil, err
		}
		if len(has) > 0 {
			updated := c.updatedPage(issued)
			pages = append(pages, TrustPage{issued.Record.Name, sameRoots(has, want) || sameRoots(updated, want), len(updated) > 0})
		}
	}
	return pages, nil
}

// updatedPage returns the SHA-256 of the roots that updates brought to a board, none
// if they do not.
func (c *CA) updatedPage(i store.Issued) []string {
	settings, err := c.UpdatesOf(i)
	if settings == nil || err != nil {
		return nil // push says what is wrong
	}
	return settings.Page
}

func sameRoots(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// stalePages returns those that do not have the roots of today, as far as the
// store can be read: the roots were changed already.
func (c *CA) stalePages(now time.Time) []TrustPage {
	pages, err := c.TrustPages(now)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(pages, func(p TrustPage) bool { return p.Current })
}

// trustPage returns the SHA-256 of the roots that a device's project has for
// phones, none if it serves none.
func (c *CA) trustPage(name string) ([]string, error) {
	text, err := c.store.DeviceFile(name, trustPageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(text)), err
}

func fingerprints(roots []*x509.Certificate) []string {
	all := make([]string, len(roots))
	for i, root := range roots {
		all[i] = ca.Fingerprint(root)
	}
	return all
}

// ServesTrust reports whether the board will serve the CA to phones.
func (p *Project) ServesTrust() bool { return p.Broker == "" && p.Firmware.ServesTrust() }

// findTrust makes what the project serves to phones, and what an earlier one did.
func (p *Project) findTrust() error {
	if !p.ServesTrust() {
		return nil
	}
	roots, err := p.ca.trusted()
	if err != nil {
		return err
	}
	p.trusted = certificatesOf(roots)
	if p.trust, err = trustFiles(p.Name, p.trusted); err != nil {
		return err
	}
	before, err := p.ca.trustPage(p.Name)
	if err != nil || len(before) == 0 {
		return err
	}
	p.trustBefore, err = p.ca.trustFilesOf(p.Name, before)
	return err
}

// trustFiles returns what a board serves to phones.
func trustFiles(name string, roots []*x509.Certificate) ([]example.Public, error) {
	profile, err := phoneProfile(roots, nil)
	if err != nil {
		return nil, err
	}
	files, err := onboard.Board{Name: name, Roots: roots, Profile: profile}.Files()
	var all []example.Public
	for _, file := range files {
		all = append(all, example.Public{Path: file.Path, Type: file.Type, File: export.File{Name: file.Name, Data: file.Data}})
	}
	return all, err
}

// trustFilesOf does so for roots by their SHA-256, nil if the CA does not know one.
func (c *CA) trustFilesOf(name string, prints []string) ([]example.Public, error) {
	every, err := c.EveryRoot()
	if err != nil {
		return nil, err
	}
	var roots []*x509.Certificate
	for _, print := range prints {
		i := slices.Index(fingerprints(every), print)
		if i < 0 {
			return nil, nil
		}
		roots = append(roots, every[i])
	}
	return trustFiles(name, roots)
}

// keepTrust remembers which roots the project that was written has for phones. A
// store that cannot be written to remembers nothing.
func (p *Project) keepTrust() error {
	if p.Broker != "" {
		return nil
	}
	var text bytes.Buffer
	for _, print := range fingerprints(p.trusted) {
		fmt.Fprintln(&text, print)
	}
	before, err := p.ca.store.DeviceFile(p.Name, trustPageFile)
	if bytes.Equal(before, text.Bytes()) && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		return nil
	}
	err = p.ca.store.PutDeviceFile(p.Name, trustPageFile, text.Bytes())
	if isReadOnly(err) || errors.Is(err, store.ErrUnlocked) {
		return nil
	}
	return err
}

// Sheet is a page to print that leads phones to the board which serves the CA.
type Sheet struct {
	Board     onboard.Board
	TrustPage TrustPage
}

// Sheet returns the sheet for a device, or for the only one that serves the CA if
// the name is empty. It fails with a NoTrustPageError, with a WhichTrustPageError,
// or as Find does.
func (c *CA) Sheet(device string, now time.Time) (Sheet, error) {
	page, err := c.chooseTrustPage(device, now)
	if err != nil {
		return Sheet{}, err
	}
	roots, err := c.RootsToTrust(now)
	return Sheet{onboard.Board{Name: page.Name, Roots: roots}, page}, err
}

func (c *CA) chooseTrustPage(device string, now time.Time) (TrustPage, error) {
	pages, err := c.TrustPages(now)
	if err != nil {
		return TrustPage{}, err
	}
	if device == "" {
		if len(pages) == 1 {
			return pages[0], nil
		}
		return TrustPage{}, whichTrustPage(pages)
	}
	issued, err := c.FindKind(device, Device)
	if err != nil {
		return TrustPage{}, err
	}
	i := slices.IndexFunc(pages, func(p TrustPage) bool { return p.Name == issued.Record.Name })
	if i < 0 {
		return TrustPage{}, &NoTrustPageError{issued.Record.Name}
	}
	return pages[i], nil
}

func whichTrustPage(pages []TrustPage) error {
	if len(pages) == 0 {
		return &NoTrustPageError{}
	}
	which := &WhichTrustPageError{}
	for _, page := range pages {
		which.Names = append(which.Names, page.Name)
	}
	return which
}

// NoTrustPageError says that a device does not serve the CA to phones, or that none
// does if Name is empty.
type NoTrustPageError struct{ Name string }

func (e *NoTrustPageError) Error() string {
	if e.Name == "" {
		return "no board serves the CA to phones yet"
	}
	return fmt.Sprintf("%q does not serve the CA to phones", e.Name)
}

// Hint makes one.
func (e *NoTrustPageError) Hint() fault.Hint {
	name := e.Name
	if name == "" {
		name = "pico.local"
	}
	return fault.Hintf("write the project of a board with MicroPython, CircuitPython, Arduino-Pico or ESP-IDF, and copy it to the board: %s; if it exists, add --force",
		fault.Command{"example", name})
}

// WhichTrustPageError says that several devices serve the CA to phones.
type WhichTrustPageError struct{ Names []string }

func (e *WhichTrustPageError) Error() string {
	listed := e.Names[:min(maxNamed, len(e.Names))]
	text := fmt.Sprintf("%d boards serve the CA to phones: %s", len(e.Names), strings.Join(listed, ", "))
	if more := len(e.Names) - len(listed); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Hint names one.
func (e *WhichTrustPageError) Hint() fault.Hint {
	return fault.Hintf("choose the one that is always on: %s", fault.Command{"phone", "--sheet", "sheet.html", "--device", e.Names[0]})
}

// ExitCode is that of a wrong command line, which lacks a name.
func (*WhichTrustPageError) ExitCode() int { return fault.Usage }
