package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/durable"
)

const prefix = ".test-"

var files = []durable.File{
	{Name: "cert", Data: []byte("new cert"), Mode: 0o644},
	{Name: "key", Data: []byte("new key!"), Mode: 0o600},
	{Name: "about", Data: []byte("new about"), Mode: 0o644},
}

// scenario is one change of a disk, and what it may leave: the old files or
// the new ones.
type scenario struct {
	name     string
	setup    func(*disk)
	change   func(*disk) error
	recovers string // the folder that Recover looks after
	old, new string
}

func scenarios() []scenario {
	return []scenario{
		{
			"publish beside", func(d *disk) {},
			func(d *disk) error { return publish(d, ".", "root") }, ".",
			"", "root 0700 \"\"\n" + newTree("root/"),
		},
		{
			"publish below", func(d *disk) { must(d.Mkdir("issued", 0o700)); write(d, "issued/README", "old readme") },
			func(d *disk) error { return publish(d, ".", "issued/000001") }, ".",
			"issued 0700 \"\"\nissued/README 0600 \"old readme\"",
			"issued 0700 \"\"\nissued/000001 0700 \"\"\n" + newTree("issued/000001/") + "\nissued/README 0600 \"old readme\"",
		},
		{
			"replace nothing", func(d *disk) {},
			func(d *disk) error { return replace(d, ".") }, ".",
			"", newTree(""),
		},
		{
			"replace everything", func(d *disk) { write(d, "cert", "old"); write(d, "key", "old"); write(d, "about", "old") },
			func(d *disk) error { return replace(d, ".") }, ".",
			"about 0600 \"old\"\ncert 0600 \"old\"\nkey 0600 \"old\"", newTree(""),
		},
		{
			"replace some below", func(d *disk) {
				must(d.Mkdir("out", 0o755))
				write(d, "out/key", "old key")
				write(d, "out/mine", "user's")
			},
			func(d *disk) error { return replace(d, "out") }, "out",
			"out 0755 \"\"\nout/key 0600 \"old key\"\nout/mine 0600 \"user's\"",
			"out 0755 \"\"\n" + newTree("out/") + "\nout/mine 0600 \"user's\"",
		},
		{
			"publish a tree", func(d *disk) { write(d, "mine", "user's") },
			func(d *disk) error { return publishTree(d, "out") }, ".",
			"mine 0600 \"user's\"", "mine 0600 \"user's\"\nout 0755 \"\"\n" + newForest("out/"),
		},
		{
			"replace a tree", func(d *disk) {
				must(d.Mkdir("out", 0o755))
				must(d.Mkdir("out/main", 0o755))
				write(d, "out/main/key", "old")
			},
			func(d *disk) error { return replaceTree(d, "out") }, "out",
			"out 0755 \"\"\nout/main 0755 \"\"\nout/main/key 0600 \"old\"",
			"out 0755 \"\"\n" + newForest("out/"),
		},
		{
			"discard", func(d *disk) { write(d, "key", "old") },
			func(d *disk) error {
				staged, err := durable.Stage(d, ".", prefix, 0o700, files)
				if err != nil {
					return err
				}
				return staged.Discard()
			}, ".",
			"key 0600 \"old\"", "key 0600 \"old\"",
		},
	}
}

// newTree is what the files look like in a folder.
func newTree(dir string) string {
	var lines []string
	for _, file := range files {
		lines = append(lines, fmt.Sprintf("%s%s %04o %q", dir, file.Name, file.Mode, file.Data))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func publish(d *disk, work, dir string) error {
	staged, err := durable.Stage(d, work, prefix, 0o700, files)
	if err != nil {
		return err
	}
	return staged.Publish(dir)
}

func replace(d *disk, dir string) error {
	staged, err := durable.Stage(d, dir, prefix, 0o700, files)
	if err != nil {
		return err
	}
	return staged.Replace()
}

// forest is a set with folders: one exists in the scenario, the other does not.
var forest = []durable.File{
	{Name: "main/key", Data: []byte("new key!"), Mode: 0o600},
	{Name: "lib/b", Data: []byte("new b"), Mode: 0o644},
}

// newForest is what the set looks like in a folder.
func newForest(dir string) string {
	return fmt.Sprintf(`%[1]slib 0755 ""
%[1]slib/b 0644 "new b"
%[1]smain 0755 ""
%[1]smain/key 0600 "new key!"`, dir)
}

func publishTree(d *disk, dir string) error {
	staged, err := durable.Stage(d, ".", prefix, 0o755, forest)
	if err != nil {
		return err
	}
	return staged.Publish(dir)
}

func replaceTree(d *disk, dir string) error {
	staged, err := durable.Stage(d, dir, prefix, 0o755, forest)
	if err != nil {
		return err
	}
	return staged.Replace()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// write makes a file that was there before.
func write(d *disk, name, data string) {
	f, err := d.Create(name, 0o600)
	must(err)
	_, err = f.Write([]byte(data))
	must(errors.Join(err, f.Sync()))
}

func (s scenario) recover(d *disk) error { return durable.Recover(d, prefix, s.recovers) }

// begin returns a disk on which everything of the setup lasts.
func (s scenario) begin() *disk {
	d := newDisk()
	s.setup(d)
	return d.clone()
}

// steps counts the operations of the change when nothing goes wrong.
func (s scenario) steps(t testing.TB) int {
	d := s.begin()
	if err, _ := run(d, nil, s.change); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if got := d.tree(); got != s.new {
		t.Fatalf("%s: got\n%s\nwant\n%s", s.name, got, s.new)
	}
	return d.step
}

// check checks a disk after Recover against all old or all new.
func (s scenario) check(t testing.TB, d *disk, when string) {
	t.Helper()
	if got := d.tree(); got != s.old && got != s.new {
		t.Fatalf("%s, %s: neither old nor new:\n%s", s.name, when, got)
	}
}

// checkReaders checks a disk on which Recover has not run against what a
// reader, who takes no lock, may see: a published folder is there with all
// files or not at all.
func (s scenario) checkReaders(t testing.TB, d *disk, when string) {
	t.Helper()
	if !strings.HasPrefix(s.name, "publish") {
		return
	}
	var seen []string
	for line := range strings.Lines(d.tree()) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, prefix) {
			seen = append(seen, line)
		}
	}
	if got := strings.Join(seen, "\n"); got != s.old && got != s.new {
		t.Fatalf("%s, %s: a reader sees\n%s", s.name, when, got)
	}
}

// TestSetIsWholeAfterAPowerCut ends each change before each of its operations
// and cuts the power, in each way that the disk may forget what was not
// synced; then it does the same to Recover.
func TestSetIsWholeAfterAPowerCut(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for step := 1; step <= s.steps(t)+1; step++ {
				d := s.begin()
				_, ended := run(d, endsAt(step), s.change)
				for _, after := range d.powerCuts() {
					when := fmt.Sprintf("power cut before operation %d", step)
					s.checkReaders(t, after, when)
					s.checkRecovers(t, after, when)
					must(s.recover(after))
					if got := after.tree(); !ended && got != s.new {
						t.Fatalf("%s, after success: lost:\n%s", s.name, got)
					}
				}
			}
		})
	}
}

// checkRecovers checks every way that Recover may go against all old or all
// new. It leaves d.
func (s scenario) checkRecovers(t testing.TB, d *disk, when string) {
	t.Helper()
	for step := 1; ; step++ {
		again := d.clone()
		err, ended := run(again, endsAt(step), s.recover)
		if err != nil {
			t.Fatalf("%s, %s: Recover: %v", s.name, when, err)
		}
		s.checkCuts(t, again, fmt.Sprintf("%s, then before operation %d of Recover", when, step))
		if !ended {
			s.check(t, again, when+", after Recover")
			return
		}
	}
}

// checkCuts cuts the power, recovers, and cuts it again.
func (s scenario) checkCuts(t testing.TB, d *disk, when string) {
	t.Helper()
	for _, after := range d.powerCuts() {
		s.checkReaders(t, after, when)
		if err := s.recover(after); err != nil {
			t.Fatalf("%s, %s: Recover: %v", s.name, when, err)
		}
		s.check(t, after, when)
	}
}

// TestSetIsWholeAfterAKillAndAPowerCut ends each change, and lets the next
// process find what is not on the disk yet: Recover begins, and then, or
// later, the power is cut.
func TestSetIsWholeAfterAKillAndAPowerCut(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for step := 1; step <= s.steps(t)+1; step++ {
				for recoverStep := 1; ; recoverStep++ {
					d := s.begin()
					run(d, endsAt(step), s.change)
					when := fmt.Sprintf("killed before operation %d, power cut before operation %d of Recover", step, recoverStep)
					s.checkReaders(t, d, when)
					err, ended := run(d, endsAt(recoverStep), s.recover)
					if err != nil {
						t.Fatalf("%s, %s: %v", s.name, when, err)
					}
					s.checkCuts(t, d, when)
					if !ended {
						s.check(t, d, when)
						break
					}
				}
			}
		})
	}
}

// TestFailureChangesNothing lets each operation of each change fail, one at a time.
func TestFailureChangesNothing(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for step := 1; step <= s.steps(t); step++ {
				d := s.begin()
				err, _ := run(d, failsOnce(step, errFull), s.change)
				when := fmt.Sprintf("operation %d failed: %v", step, err)
				if !errors.Is(err, errFull) {
					t.Fatalf("%s, %s: want %v", s.name, when, errFull)
				}
				if d.tree() != s.old && !s.undecided(d) {
					t.Fatalf("%s, %s: left\n%s", s.name, when, d.tree())
				}
				s.checkCuts(t, d, when)
				s.checkRecovers(t, d, when)
			}
		})
	}
}

// undecided reports whether a failed change is one that Recover will end: a
// decided replacement, or a discard that did not come to its end.
func (s scenario) undecided(d *disk) bool {
	return strings.Contains(d.tree(), ".commit") || s.name == "discard" && strings.Contains(d.tree(), prefix)
}

// TestFailureBeforeTheDecisionLasts: what Publish or Replace said has not
// happened does not happen in a power cut later.
func TestFailureBeforeTheDecisionLasts(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for step := 1; step <= s.steps(t); step++ {
				d := s.begin()
				err, _ := run(d, failsOnce(step, errFull), s.change)
				if err == nil || d.tree() != s.old {
					continue
				}
				for _, after := range d.powerCuts() {
					must(s.recover(after))
					if got := after.tree(); got != s.old {
						t.Fatalf("%s, operation %d failed: %v; the power cut left\n%s", s.name, step, err, got)
					}
				}
			}
		})
	}
}

// TestDiskThatFailsForGood lets each operation and all that follow fail, as a
// disk does that turns read-only.
func TestDiskThatFailsForGood(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for step := 1; step <= s.steps(t); step++ {
				d := s.begin()
				err, _ := run(d, failsFrom(step, errFull), s.change)
				when := fmt.Sprintf("disk failed from operation %d on: %v", step, err)
				if err == nil && d.tree() != s.new {
					t.Fatalf("%s, %s: reported success and left\n%s", s.name, when, d.tree())
				}
				s.checkReaders(t, d, when)
				s.checkCuts(t, d, when)
				must(s.recover(d))
				s.check(t, d, when)
				s.checkCuts(t, d, when+", after Recover")
			}
		})
	}
}

func TestPublishLeavesWhatIsThere(t *testing.T) {
	for name, setup := range map[string]func(*disk){
		"folder":       func(d *disk) { must(d.Mkdir("root", 0o700)); write(d, "root/key", "old") },
		"empty folder": func(d *disk) { must(d.Mkdir("root", 0o700)) },
		"file":         func(d *disk) { write(d, "root", "old") },
	} {
		d := newDisk()
		setup(d)
		before := d.tree()
		if err := publish(d, ".", "root"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: got %v, want %v", name, err, fs.ErrExist)
		}
		if got := d.tree(); got != before {
			t.Errorf("%s: left\n%s", name, got)
		}
	}
}

func TestReplaceLeavesFoldersAndLinks(t *testing.T) {
	for name, mode := range map[string]fs.FileMode{
		"folder": fs.ModeDir | 0o700, "link": fs.ModeSymlink | 0o777, "device": fs.ModeDevice | 0o600, "pipe": fs.ModeNamedPipe | 0o600,
	} {
		d := newDisk()
		write(d, "cert", "old")
		must(d.add("add", "key", &node{mode: mode, dir: mode.IsDir()}))
		before := d.tree()
		if err := replace(d, "."); !errors.Is(err, durable.ErrNotRegular) {
			t.Errorf("%s: got %v, want %v", name, err, durable.ErrNotRegular)
		}
		if got := d.tree(); got != before {
			t.Errorf("%s: left\n%s", name, got)
		}
	}
}

func TestStageRefusesNamesOutsideItsFolder(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../key", "/key", "a/", "a//b", "a/../b", "cert/x"} {
		d := newDisk()
		_, err := durable.Stage(d, ".", prefix, 0o700, []durable.File{files[0], {Name: name, Data: []byte("x"), Mode: 0o600}})
		if err == nil {
			t.Errorf("name %q is accepted", name)
		}
		if got := d.tree(); got != "" {
			t.Errorf("name %q: left\n%s", name, got)
		}
	}
}

func TestStageRefusesAFileTwice(t *testing.T) {
	d := newDisk()
	if _, err := durable.Stage(d, ".", prefix, 0o700, []durable.File{files[0], files[0]}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want %v", err, fs.ErrExist)
	}
	if got := d.tree(); got != "" {
		t.Errorf("left\n%s", got)
	}
}

func TestStagesDoNotMeet(t *testing.T) {
	d := newDisk()
	one, errOne := durable.Stage(d, ".", prefix, 0o700, files)
	two, errTwo := durable.Stage(d, ".", prefix, 0o700, files)
	must(errors.Join(errOne, errTwo))
	must(errors.Join(one.Publish("one"), two.Discard()))
	if got, want := d.tree(), "one 0700 \"\"\n"+newTree("one/"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRecoverLeavesWhatIsNotOurs(t *testing.T) {
	d := newDisk()
	write(d, "key", "old")
	write(d, ".test-file.stage", "a file")
	must(d.Mkdir(".other-x.stage", 0o700))
	must(d.Mkdir("x.stage", 0o700))
	must(d.Mkdir(".test-x", 0o700))
	must(d.Mkdir(".test-x.staged", 0o700))
	before := d.tree()
	must(durable.Recover(d, prefix, "."))
	if got := d.tree(); got != before {
		t.Errorf("left\n%s", got)
	}
}

func TestRecoverOfACleanFolderSyncsNothing(t *testing.T) {
	d := newDisk()
	write(d, "key", "old")
	err, _ := run(d, func(_ int, op string) error {
		if op != "readdir" {
			return errors.New("touched the disk")
		}
		return nil
	}, func(d *disk) error { return durable.Recover(d, prefix, ".") })
	if err != nil {
		t.Error(err)
	}
}

func TestRecoverOfNoFolderFails(t *testing.T) {
	if err := durable.Recover(newDisk(), prefix, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestRecoverGoesOnAfterAFault: one change that cannot be completed keeps no
// other from its end.
func TestRecoverGoesOnAfterAFault(t *testing.T) {
	d := newDisk()
	must(d.Mkdir("cert", 0o700)) // in the way
	must(d.Mkdir(".test-1.commit", 0o700))
	write(d, ".test-1.commit/cert", "new")
	must(d.Mkdir(".test-2.commit", 0o700))
	write(d, ".test-2.commit/key", "new")
	must(d.Mkdir(".test-3.stage", 0o700))
	must(d.Mkdir(".test-3.stage/folder", 0o700))
	write(d, ".test-3.stage/folder/x", "new")
	err := durable.Recover(d, prefix, ".")
	partial, ok := errors.AsType[*durable.PartialError](err)
	if !ok || !slices.Equal(partial.Left, []string{"cert"}) {
		t.Errorf("got %v, want a PartialError that names cert", err)
	}
	want := ".test-1.commit 0700 \"\"\n.test-1.commit/cert 0600 \"new\"\ncert 0700 \"\"\nkey 0600 \"new\""
	if got := d.tree(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestProbeLeavesNothing: it finds out whether a folder can be written to, and
// what an end in its midst leaves is swept.
func TestProbeLeavesNothing(t *testing.T) {
	probe := func(d *disk) error { return durable.Probe(d, ".", prefix) }
	d := newDisk()
	write(d, "key", "old")
	before := d.tree()
	if err, _ := run(d, nil, probe); err != nil || d.tree() != before {
		t.Errorf("got %v, left\n%s", err, d.tree())
	}
	for step := 1; step <= d.step; step++ {
		again := d.clone()
		if err, _ := run(again, failsOnce(step, errFull), probe); !errors.Is(err, errFull) {
			t.Errorf("operation %d failed: got %v, want %v", step, err, errFull)
		}
		again = d.clone()
		run(again, endsAt(step), probe)
		for _, after := range again.powerCuts() {
			must(durable.Recover(after, prefix, "."))
			if got := after.tree(); got != before {
				t.Errorf("power cut before operation %d: left\n%s", step, got)
			}
		}
	}
}

// counting counts how many files are open at once.
type counting struct {
	durable.Disk
	open, most *int
}

type countedFile struct {
	durable.WriteSyncer
	open *int
}

func (c counting) Begin(name string, mode fs.FileMode) (durable.Change, error) {
	change, err := c.Disk.Begin(name, mode)
	return countingChange{change, c.open, c.most}, err
}

type countingChange struct {
	durable.Change
	open, most *int
}

func (c countingChange) Create(name string, mode fs.FileMode) (durable.WriteSyncer, error) {
	file, err := c.Change.Create(name, mode)
	*c.open++
	*c.most = max(*c.most, *c.open)
	return countedFile{file, c.open}, err
}

func (c countingChange) SyncFiles(files []durable.WriteSyncer) error {
	plain := make([]durable.WriteSyncer, len(files))
	for i, file := range files {
		plain[i] = file.(countedFile).WriteSyncer
	}
	return c.Change.SyncFiles(plain)
}

func (f countedFile) Close() error { *f.open--; return f.WriteSyncer.Close() }

// TestManyFilesAreNotOpenAtOnce: systems allow a process 256 or 1,024.
func TestManyFilesAreNotOpenAtOnce(t *testing.T) {
	open, most := 0, 0
	d := newDisk()
	var many []durable.File
	for i := range 1000 {
		many = append(many, durable.File{Name: fmt.Sprintf("%d/file", i), Mode: 0o600})
	}
	staged, err := durable.Stage(counting{d, &open, &most}, ".", prefix, 0o700, many)
	if err == nil {
		err = staged.Publish("out")
	}
	if err != nil || open != 0 || most > 200 || most < 2 {
		t.Errorf("got %v, %d files open at once, %d left open, want at most 200 and 0", err, most, open)
	}
	if names, err := d.Names("out"); err != nil || len(names) != len(many) {
		t.Errorf("got %d files, %v, want %d", len(names), err, len(many))
	}
}

// TestPublishSyncsTheFoldersThatWereMade for what it publishes: without the one
// that they are in, a power cut may take them, and all in them.
func TestPublishSyncsTheFoldersThatWereMade(t *testing.T) {
	for _, row := range []struct {
		made []string
		last bool
	}{{[]string{"."}, true}, {nil, false}} {
		d := newDisk()
		staged, err := durable.Stage(d, ".", prefix, 0o700, files)
		must(err)
		must(d.Mkdir("made", 0o700))
		must(staged.Publish("made/new", row.made...))
		last := true
		for _, after := range d.powerCuts() {
			last = last && strings.Contains(after.tree(), newTree("made/new/"))
		}
		if last != row.last {
			t.Errorf("made %q: got lasting %t, want %t", row.made, last, row.last)
		}
	}
}
