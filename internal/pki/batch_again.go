package pki

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// issuedBeforeError says that a list's certificate exists: issued from the same
// list, or, if the user leaves such names out, otherwise.
type issuedBeforeError struct {
	issued  store.Issued
	differs Differences
}

func (e *issuedBeforeError) Error() string {
	return e.issued.Record.Name + " has a certificate, and is left out"
}

// Differences are what a list and its flags ask for, and an existing certificate
// does not have.
type Differences struct {
	// Settings are columns of a list or flags, such as "days".
	Settings []string
	// Replace issues it anew as the list and the flags say, or writes its files there.
	Replace fault.Command
}

// issuedBefore returns an issuedBeforeError if a list need not issue a name.
func (p *Plan) issuedBefore(previous store.Issued, valid bool) error {
	same := p.request.batch != "" && p.request.batch == previous.Record.Batch
	if !same && !(p.request.SkipValid && valid) {
		return nil
	}
	d := Differences{Replace: fault.Command{"renew", previous.Record.Name}}
	if valid { // or the settings of what ended do not matter
		p.compare(&d, previous, same)
	}
	return &issuedBeforeError{previous, d}
}

// compare finds differences. A row with one name leaves further names as they are,
// as renew does. The folder is one of a certificate of the same list.
func (p *Plan) compare(d *Differences, previous store.Issued, same bool) {
	r := p.request
	key := string(cmp.Or(r.Key, bestKey(r.For)))
	days := cmp.Or(r.Days, ca.DefaultLeafDays)
	names := slices.Sorted(slices.Values(r.Names.Strings()))
	d.add("names", len(names) > 1 && !slices.Equal(names, slices.Sorted(slices.Values(ca.NamesOf(previous.Leaf)))), r.Names.Strings()[1:]...)
	d.add("for", r.For.String() != previous.Record.For, "--for", r.For.String())
	d.add("key", key != keyOf(previous) && previous.Record.KeyKept != store.KeptByDevice, "--key", key)
	d.add("days", daysOf(&previous) != 0 && days != daysOf(&previous), "--days", strconv.Itoa(days))
	clock := chosen(r.BoardClock, false)
	d.add("board-clock", clock != ca.HasBoardClock(previous.Leaf), "--board-clock="+strconv.FormatBool(clock))
	both := chosen(r.AndClient, false)
	d.add("and-client", both != IsAlsoClient(previous), "--and-client="+strconv.FormatBool(both))
	if same && !lacksFiles(previous) && !isFolder(r.Out, previous.Record.Folder) {
		if len(d.Settings) == 0 {
			d.Replace = fault.Command{"export", previous.Record.Name}
		}
		d.add("out", true, "--out", r.Out)
	}
}

func (d *Differences) add(setting string, differs bool, words ...string) {
	if differs {
		d.Settings, d.Replace = append(d.Settings, setting), append(d.Replace, words...)
	}
}

// isFolder reports whether a path is that of a folder that was recorded.
func isFolder(path, recorded string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(path)
	return path == recorded || err == nil && real == recorded
}

// errValid replaces the hint of a StillValidError: a list has many names.
func errValid(err *StillValidError) error {
	return fault.With(err, fault.Hintf("leave out each name that has a valid certificate: --skip-valid; or issue it anew: %s", fault.Command{"renew", err.Name}))
}
