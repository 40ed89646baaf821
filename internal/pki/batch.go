package pki

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// maxFaults is how many faults of a list are reported: more would scroll away.
const maxFaults = 20

// signers is how many certificates of a batch are under way at once. Most of them
// wait for the disk, whose journal commits together what several wait for.
const signers = 8

// Batch is a list whose rows were all checked: it can be issued.
type Batch struct {
	ca       *CA
	list     *List
	defaults Request
	targets  targets
	signers  int

	// Ready is how many certificates will be issued. Before is how many an earlier
	// run has issued from the same list; of those, Unwritten lack files, and Ended
	// have expired or were revoked. Skipped is how many names were left out because
	// they have a valid certificate that was issued otherwise.
	Ready, Before, Unwritten, Ended, Skipped int
}

// BatchRow is a row of a list, and what became of it.
type BatchRow struct {
	Line int
	// Plan is nil for a certificate that exists.
	Plan *Plan
	// Differs is where such a certificate differs from the list or the flags.
	Differs Differences
	// Result is zero in a row that was only checked, but for a certificate that
	// exists. Its files are those that this run wrote.
	Result Result

	name string // the device's own
	err  error
}

// Before reports whether the certificate existed before this run.
func (r *BatchRow) Before() bool { return r.err == nil && r.Plan == nil }

// trial is for plans that nothing will be signed of. What a certificate will be
// like does not depend on its key, and RSA keys take long to make: one of each
// type stands for all.
type trial struct {
	noFolders bool // none can be looked at: the one above them does not exist

	lock sync.Mutex
	keys map[ca.KeyType]crypto.Signer
}

func (t *trial) key(kind ca.KeyType) (crypto.Signer, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if key := t.keys[kind]; key != nil {
		return key, nil
	}
	key, err := kind.Generate()
	if err == nil {
		t.keys[kind] = key
	}
	return key, err
}

// PlanBatch checks every row of a list as Plan does, before anything is signed,
// and calls checked for each. The defaults are for what a row leaves open.
// defaults.Out is the folder for a folder of each device: the current one if it
// is empty; it need not exist. What is wrong comes as RowErrors, the first
// twenty. A row whose name's newest certificate was issued from the same list is
// done, whatever the row and the flags say: what differs is in the BatchRow.
func (c *CA) PlanBatch(list *List, defaults Request, now time.Time, checked func(BatchRow)) (*Batch, error) {
	if _, err := c.Authority(now); err != nil {
		return nil, err
	}
	b := &Batch{ca: c, list: list, defaults: defaults, targets: parseTargets(list), signers: signers}
	b.defaults.batch = list.ID
	if defaults.For.Device.ID == "" {
		b.defaults.For = b.targets[DefaultDevice].Target
	}
	folder, err := b.openFolder()
	if err != nil {
		return nil, err
	}
	try := &trial{noFolders: !folder.Exists(), keys: map[ca.KeyType]crypto.Signer{}}
	if err := folder.Close(); err != nil {
		return nil, err
	}
	faults, seen := faultList{}, map[string]row{}
	err = b.each(runtime.GOMAXPROCS(0), func(w *CA, r row) BatchRow { return b.check(w, r, try, now) }, func(r row, result BatchRow) bool {
		faults.add(r.line, errors.Join(twice(seen, result.name, r), result.err))
		b.count(result, now)
		checked(result)
		return true
	})
	return b, errors.Join(faults.err(), err)
}

// Root returns the root that signs.
func (b *Batch) Root() *x509.Certificate { return b.ca.authority.Certificate() }

// each calls work for each row on several goroutines, and done with the results
// in the order of the list until it returns false.
func (b *Batch) each(goroutines int, work func(*CA, row) BatchRow, done func(row, BatchRow) bool) error {
	return b.ca.workers(goroutines, func(workers []*CA) error {
		inOrder(goroutines, len(b.list.rows), func(worker, i int) BatchRow {
			return work(workers[worker], b.list.rows[i])
		}, func(i int, result BatchRow) bool {
			result.Line = b.list.rows[i].line
			return done(b.list.rows[i], result)
		})
		return nil
	})
}

// openFolder opens the folder for all folders.
func (b *Batch) openFolder() (*output.Folder, error) {
	return output.Open(cmp.Or(b.defaults.Out, "."), b.ca.outputOptions(output.Overwrite))
}

// request returns what a row asks for.
func (b *Batch) request(r row) (Request, error) {
	req, err := r.request(b.defaults, b.targets)
	if err == nil {
		req.Out = filepath.Join(b.defaults.Out, req.holder().Stem())
	}
	return req, err
}

// noPassphraseError says that a .p12 would have a passphrase of its own, which
// an interrupted run takes with it.
type noPassphraseError struct{ target string }

func (e *noPassphraseError) Error() string {
	return fmt.Sprintf("files for %s include a .p12", e.target)
}

// Hint chooses one.
func (*noPassphraseError) Hint() fault.Hint {
	return fault.Hintf("choose one passphrase for all: --p12-passphrase-file FILE")
}

func (b *Batch) check(w *CA, r row, try *trial, now time.Time) BatchRow {
	req, err := b.request(r)
	if err != nil {
		return BatchRow{err: err}
	}
	result := BatchRow{name: req.Names.First().String()}
	req.trial = try
	plan, err := w.Plan(req, now)
	if before, ok := errors.AsType[*issuedBeforeError](err); ok {
		result.Result.Issued, result.Differs = before.issued, before.differs
		return result
	}
	if valid, ok := errors.AsType[*StillValidError](err); ok {
		err = errValid(valid)
	}
	if err == nil {
		result.Plan, err = plan, plan.Close()
	}
	if err == nil && plan.WritesP12() && req.P12.Passphrase == "" {
		err = &noPassphraseError{plan.Target.Name()}
	}
	result.err = err
	return result
}

func (b *Batch) count(r BatchRow, now time.Time) {
	switch {
	case !r.Before():
		b.Ready++
		return
	case r.Result.Issued.Record.Batch != b.list.ID:
		b.Skipped++
		return
	}
	b.Before++
	switch {
	case !InForce(r.Result.Issued, now):
		b.Ended++
	case lacksFiles(r.Result.Issued):
		b.Unwritten++
	}
}

// lacksFiles reports whether files of a certificate are not where they were to be
// written: a crash came first, or they were removed.
func lacksFiles(i store.Issued) bool {
	for name := range i.Record.Files {
		if _, err := os.Lstat(filepath.Join(i.Record.Folder, filepath.FromSlash(name))); errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// twice fails if a name is in the list already.
func twice(seen map[string]row, name string, r row) error {
	first, found := seen[name]
	if name == "" {
		return nil
	}
	if !found {
		seen[name] = r
		return nil
	}
	text, line := fmt.Sprintf("name %q is on line %d already", r.name, first.line), r.line
	r.name, r.line = first.name, first.line
	if r != first {
		text += ", with other settings"
	}
	return fault.With(errors.New(text), fault.Hintf("remove line %d or line %d: a device has one certificate, with all of its names", first.line, line))
}

// faultList are the first faults of a list.
type faultList struct {
	all  []error
	more int
}

func (f *faultList) add(line int, err error) {
	for _, one := range fault.Flatten(err) {
		if len(f.all) < maxFaults {
			f.all = append(f.all, &RowError{line, one})
		} else {
			f.more++
		}
	}
}

func (f *faultList) err() error {
	if f.more > 0 {
		f.all = append(f.all, fmt.Errorf("list has %d more faults", f.more))
	}
	return errors.Join(f.all...)
}

// BatchError says that a batch stopped before its end.
type BatchError struct{ Done, Rows int }

func (e *BatchError) Error() string {
	return fmt.Sprintf("stopped: %d of %d certificates are issued", e.Done, e.Rows)
}

// Hint goes on.
func (*BatchError) Hint() fault.Hint {
	return fault.Hintf("run the same command again: it continues with the rest")
}

// Issue issues what is ready, and writes files that an earlier run did not come
// to. It calls done with each row, in the order of the list, once all of it is on
// the disk for good. It needs no session if nothing is ready. If a row fails or
// ctx ends, the rows under way are completed, and it fails with a BatchError
// besides.
func (b *Batch) Issue(ctx context.Context, s *Session, now time.Time, waiting Waiting, done func(BatchRow)) error {
	var trusted []store.Root
	if s != nil {
		trusted = s.trusted
	} else if err := b.ca.lockForOutput(ctx, waiting); err != nil {
		return err
	}
	if err := b.makeFolder(); err != nil {
		return err
	}
	if b.ca.agent != nil {
		defer b.ca.agent.EndWith(ctx)()
	}
	b.ca.shared = &output.Together{}
	defer func() { b.ca.shared = nil }()
	// A goroutine that waits for the disk keeps its processor until the runtime notices;
	// with as many processors as goroutines the others go on meanwhile.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(signers, runtime.GOMAXPROCS(0))))
	var failed error
	n := 0
	err := b.each(b.signers, func(w *CA, r row) BatchRow { return b.issue(w, trusted, r, now) }, func(r row, result BatchRow) bool {
		switch {
		case result.err == nil:
			n++
			done(result)
		case failed == nil: // of several that ran into a full disk the first is enough
			failed = &RowError{r.line, result.err}
		}
		return failed == nil && ctx.Err() == nil
	})
	if n < len(b.list.rows) {
		err = errors.Join(failed, err, &BatchError{n, len(b.list.rows)})
	}
	return err
}

// makeFolder makes the folder for all folders, or removes what a crash left there.
func (b *Batch) makeFolder() (err error) {
	folder, err := b.openFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := folder.Prepare(nil); err != nil || folder.Exists() {
		return err
	}
	if err := folder.Stage(nil); err != nil {
		return err
	}
	return folder.Commit()
}

func (b *Batch) issue(w *CA, trusted []store.Root, r row, now time.Time) BatchRow {
	req, err := b.request(r)
	if err != nil {
		return BatchRow{err: err}
	}
	plan, err := w.Plan(req, now)
	if before, ok := errors.AsType[*issuedBeforeError](err); ok {
		row := b.complete(w, before.issued, req.Out, now)
		row.Differs = before.differs
		return row
	}
	if err != nil {
		return BatchRow{err: err}
	}
	result, err := plan.issue(trusted)
	return BatchRow{Plan: plan, Result: result, err: errors.Join(err, plan.Close())}
}

// complete writes the files of a certificate that an earlier run issued, if they
// are not where they were to be.
func (b *Batch) complete(w *CA, i store.Issued, dir string, now time.Time) (row BatchRow) {
	row.Result.Issued = i
	if i.Record.Batch != b.list.ID || !InForce(i, now) || !lacksFiles(i) {
		return row
	}
	row.Result.Files, row.err = b.rewrite(w, i, dir, now)
	return row
}

func (b *Batch) rewrite(w *CA, i store.Issued, dir string, now time.Time) ([]Written, error) {
	e, err := w.PlanExport(ExportRequest{Name: i.Record.Name}, now)
	if err != nil {
		return nil, err
	}
	e.SetP12(b.defaults.P12)
	files, err := e.Render()
	if err != nil {
		return nil, err
	}
	written, real, err := w.writeFolder(dir, files, output.Own(w.ownFiles(i.Record.Holder(), &i).wrote), true)
	if err != nil {
		return nil, err
	}
	return written, w.recordFolder(i, i.Record.For, real, files)
}
