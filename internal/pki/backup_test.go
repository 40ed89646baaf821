package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/backup"
	"github.com/picoca/picoca/internal/backup/paper"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/testpki"
)

var backupPassphrase = []byte("correct horse battery staple")

func (a authority) pack(now time.Time) (packed Packed, err error) {
	a.t.Helper()
	a.use(func(c *CA) { packed, err = c.Pack(a.t.Context(), backupPassphrase, now, nobodyWaits(a.t)) })
	return packed, err
}

// restored restores into another folder of the same place.
func (a authority) restored(data []byte, base string, now time.Time) (authority, Restored, error) {
	a.t.Helper()
	to := authority{a.t, filepath.Join(filepath.Dir(a.dir), base)}
	b, err := ReadBackup("x.age", bytes.NewReader(data))
	if err != nil {
		return to, Restored{}, err
	}
	result, err := b.Restore(a.t.Context(), to.dir, backupPassphrase, now, Options{}, nobodyWaits(a.t))
	return to, result, err
}

func (a authority) mustRestore(data []byte, base string, now time.Time) (authority, Restored) {
	a.t.Helper()
	to, result, err := a.restored(data, base, now)
	if err != nil {
		a.t.Fatal(err)
	}
	return to, result
}

func (a authority) mustPack(now time.Time) Packed {
	a.t.Helper()
	packed, err := a.pack(now)
	if err != nil {
		a.t.Fatal(err)
	}
	return packed
}

// addRoot adds a root as rotating does.
func (a authority) addNewRoot(root store.NewRoot) (added store.Root) {
	a.t.Helper()
	a.use(func(c *CA) {
		err := c.lock(a.t.Context(), nobodyWaits(a.t))
		if err == nil {
			added, err = c.store.AddRoot(root)
		}
		if err != nil {
			a.t.Fatal(err)
		}
	})
	return added
}

func TestRestoredCAGoesOn(t *testing.T) {
	a := newAuthority(t, "")
	first := a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.mustIssue(identity(t, "phone"), start)
	a.mustRevoke("phone", start.Add(day))
	packed := a.mustPack(start.Add(2 * day))
	if packed.Roots != 1 || packed.Certificates != 2 || packed.Revoked != 1 || len(packed.Damaged) > 0 || packed.CA == "" {
		t.Errorf("got %+v", packed.Inventory)
	}
	b, result := a.mustRestore(packed.Data, "b", start.Add(3*day))
	if !result.Made.Equal(start.Add(2*day)) || result.Certificates != 2 || result.CA != packed.CA {
		t.Errorf("got %+v", result)
	}
	again := b.mustIssue(Request{Names: names(t, "pico.local"), Renew: true, Out: "again"}, start.Add(4*day))
	if got := again.Issued.Number(); got != first.Issued.Number()+1 {
		t.Errorf("got number %d, want the next one", got)
	}
	if err := ca.VerifyIssued(again.Issued.Leaf, first.Issued.Root.Certificate); err != nil {
		t.Error(err)
	}
}

// TestOlderBackupSetsNothingBack: the number of a revocation list rises, although
// the restored CA does not know the last one, and so serial numbers differ.
func TestOlderBackupSetsNothingBack(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "phone"), start)
	a.mustIssue(identity(t, "tablet"), start)
	packed := a.mustPack(start)
	lost := a.mustIssue(Request{Names: names(t, "pico.local"), Out: "lost"}, start.Add(day))
	a.mustRevoke("phone", start.Add(2*day))
	before := a.lists()[0]
	b, _ := a.mustRestore(packed.Data, "b", start.Add(3*day))
	if got := b.lists()[0]; got.Number.Cmp(before.Number) >= 0 {
		t.Fatalf("got number %v before any change, want less than %v: the test shows nothing", got.Number, before.Number)
	}
	b.mustRevoke("tablet", start.Add(3*day))
	if got := b.lists()[0]; got.Number.Cmp(before.Number) <= 0 {
		t.Errorf("got number %v, want more than the lost list's, %v", got.Number, before.Number)
	}
	again := b.mustIssue(Request{Names: names(t, "pico.local"), Out: "again"}, start.Add(3*day))
	if ca.Serial(again.Issued.Leaf) == ca.Serial(lost.Issued.Leaf) {
		t.Error("a serial number was used twice")
	}
}

// TestAllKindsOfRootsSurvive: a retired one, one in an agent, the spare, and a
// certificate of another CA under the root.
func TestAllKindsOfRootsSurvive(t *testing.T) {
	a := newAuthority(t, "secret")
	retired, agent, spare := testpki.Home(t, start), testpki.Home(t, start), testpki.Home(t, start)
	old := a.addNewRoot(store.NewRoot{Certificate: retired.Cert, Key: retired.Key, Passphrase: []byte("older")})
	a.addNewRoot(store.NewRoot{Certificate: agent.Cert, Agent: &store.AgentKey{Fingerprint: "SHA256:abc"}})
	a.addNewRoot(store.NewRoot{Certificate: spare.Cert})
	delegated := retired.Intermediate(t, start, "Workshop CA")
	a.use(func(c *CA) {
		err := c.lock(t.Context(), nobodyWaits(t))
		if err == nil {
			_, err = c.store.Put(store.Record{Name: "Workshop CA"}, delegated.Cert, delegated.Key)
		}
		if err = errors.Join(err, c.store.Retire(old, start)); err != nil {
			t.Fatal(err)
		}
	})
	packed := a.mustPack(start)
	b, result := a.mustRestore(packed.Data, "b", start)
	if len(packed.InAgent) != 1 || packed.InAgent[0] != agent.Cert.Subject.CommonName {
		t.Errorf("got keys in an agent %q", packed.InAgent)
	}
	if result.Roots != 4 || result.Certificates != 1 || len(result.Damaged) > 0 {
		t.Errorf("got %+v", result.Inventory)
	}
	describe := func(a authority) (all []string) {
		a.use(func(c *CA) {
			roots, err := c.Roots()
			if err != nil {
				t.Fatal(err)
			}
			for _, root := range roots {
				all = append(all, root.ID+" "+string(root.Key)+" "+ca.Fingerprint(root.Certificate)+map[bool]string{true: " retired"}[root.Retired != nil])
			}
		})
		return all
	}
	if got, want := describe(b), describe(a); !slices.Equal(got, want) || !strings.Contains(strings.Join(got, "\n"), "retired") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDamageOfACertificateIsReportedAndKept(t *testing.T) {
	a := newAuthority(t, "")
	damaged := a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.mustIssue(Request{Names: names(t, "nas.local")}, start)
	if err := os.WriteFile(filepath.Join(a.dir, damaged.Issued.Place, "key.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	packed := a.mustPack(start)
	_, result := a.mustRestore(packed.Data, "b", start)
	for what, inventory := range map[string]Inventory{"backup": packed.Inventory, "restore": result.Inventory} {
		if len(inventory.Damaged) != 1 || !strings.Contains(inventory.Damaged[0].Error(), "key.pem is damaged") {
			t.Errorf("%s: got %v, want the damaged key", what, inventory.Damaged)
		}
	}
}

func TestFileThatCannotBeRestoredIsRefused(t *testing.T) {
	a := newAuthority(t, "")
	if err := os.WriteFile(filepath.Join(a.dir, "a\nb"), nil, 0o600); err != nil {
		t.Skip("this file system has no such names")
	}
	_, err := a.pack(start)
	if err == nil || !strings.Contains(err.Error(), `folder of the CA holds "a\nb"`) || !strings.Contains(fault.HintOf(err).Text(nil), "move that file") {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err).Text(nil))
	}
}

func TestDamagedRootIsNotBackedUp(t *testing.T) {
	for _, passphrase := range []string{"", "secret"} {
		for _, base := range []string{"cert.pem", "key.pem", "crl.pem"} {
			a := newAuthority(t, passphrase)
			found, _ := filepath.Glob(filepath.Join(a.dir, "roots", "*", base))
			// In a base64 line in the middle: PEM stays PEM.
			data, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.SplitAfter(data, []byte("\n"))
			lines[1] = bytes.Replace(lines[1], lines[1][:8], []byte("AAAAAAAA"), 1)
			if err := os.WriteFile(found[0], bytes.Join(lines, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Open(a.dir, Options{})
			if err == nil {
				_, err = c.Pack(t.Context(), backupPassphrase, start, nobodyWaits(t))
				c.Close()
			}
			if err == nil || !strings.Contains(err.Error(), base+" is damaged") {
				t.Errorf("%s, passphrase %q: got %v", base, passphrase, err)
			}
		}
	}
}

func TestBackupWithARootThatIsDamagedIsNotRestored(t *testing.T) {
	a := newAuthority(t, "")
	contents, err := backup.Read(bytes.NewReader(a.mustPack(start).Data), backupPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	other := newAuthority(t, "")
	otherContents, err := backup.Read(bytes.NewReader(other.mustPack(start).Data), backupPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	find := func(files []durable.File, base string) *durable.File {
		return &files[slices.IndexFunc(files, func(f durable.File) bool { return filepath.Base(f.Name) == base })]
	}
	for what, row := range map[string]struct {
		base, data, want string
	}{
		"another CA's key": {"key.pem", string(find(otherContents.Files, "key.pem").Data), "key does not belong to the certificate"},
		"no certificate":   {"cert.pem", "x", "cert.pem is damaged"},
		"another list":     {"crl.pem", string(find(otherContents.Files, "crl.pem").Data), "crl.pem is damaged"},
		"a later layout":   {"layout", "3\n", `this version knows only up to 2`},
	} {
		files := slices.Clone(contents.Files)
		find(files, row.base).Data = []byte(row.data)
		var data bytes.Buffer
		_, err := backup.Write(&data, backupPassphrase, start, func(yield func(durable.File, error) bool) {
			for _, file := range files {
				if !yield(file, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		to, _, err := a.restored(data.Bytes(), "b", start)
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), `backup "x.age" cannot be restored: `) || fault.HintOf(err).IsZero() {
			t.Errorf("%s: got %v", what, err)
		}
		if _, err := os.Stat(to.dir); !os.IsNotExist(err) {
			t.Errorf("%s: %s was left", what, to.dir)
		}
	}
}

func (a authority) page(root string, passphrase []byte) (page []byte, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		var r PaperRoot
		if r, err = c.PaperRoot(root); err == nil {
			page, err = r.Page(passphrase, "picoca restore --paper FILE", start)
		}
	})
	return page, err
}

// rootFile returns a file of the first root.
func (a authority) rootFile(base string) []byte {
	a.t.Helper()
	found, _ := filepath.Glob(filepath.Join(a.dir, "roots", "*", base))
	data, err := os.ReadFile(found[0])
	if err != nil {
		a.t.Fatal(err)
	}
	return data
}

func TestCAFromPaperIssues(t *testing.T) {
	for _, passphrase := range []string{"", "secret"} {
		a := newAuthority(t, passphrase)
		page, err := a.page("", backupPassphrase)
		if err != nil {
			t.Fatal(err)
		}
		b := authority{t, filepath.Join(filepath.Dir(a.dir), "b")}
		root, err := RestorePaper(t.Context(), b.dir, page, start, Options{}, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		if string(b.rootFile("cert.pem")) != string(a.rootFile("cert.pem")) {
			t.Error("the certificate is another one")
		}
		opens := string(backupPassphrase)
		if passphrase != "" { // printed as it is
			opens = passphrase
			if string(b.rootFile("key.pem")) != string(a.rootFile("key.pem")) {
				t.Error("the key file is another one")
			}
		}
		if block, _ := pem.Decode(b.rootFile("key.pem")); block == nil || block.Type != "ENCRYPTED PRIVATE KEY" {
			t.Error("the key is not encrypted")
		}
		b.use(func(c *CA) {
			plan, err := c.Plan(Request{Names: names(t, "pico.local")}, start)
			if err != nil {
				t.Fatal(err)
			}
			defer plan.Close()
			wrong := func() ([]byte, error) { return []byte("wrong"), nil }
			if _, err := c.Session(t.Context(), start, wrong, nobodyWaits(t)); !errors.Is(err, store.ErrPassphrase) {
				t.Errorf("got %v, want ErrPassphrase", err)
			}
			session, err := c.Session(t.Context(), start, func() ([]byte, error) { return []byte(opens), nil }, nobodyWaits(t))
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			result, err := session.Issue(plan, start)
			if err != nil || ca.VerifyIssued(result.Issued.Leaf, root) != nil {
				t.Errorf("got %v", err)
			}
		})
		if lists := b.lists(); len(lists) != 1 {
			t.Errorf("got %d revocation lists after the key was unlocked, want 1", len(lists))
		}
	}
}

func TestPaperOfAnyRootThatHasAKey(t *testing.T) {
	a := newAuthority(t, "")
	second, agent, spare := testpki.Home(t, start), testpki.Home(t, start), testpki.Home(t, start)
	added := a.addNewRoot(store.NewRoot{Certificate: second.Cert, Key: second.Key})
	inAgent := a.addNewRoot(store.NewRoot{Certificate: agent.Cert, Agent: &store.AgentKey{Fingerprint: "SHA256:abc"}})
	onPaper := a.addNewRoot(store.NewRoot{Certificate: spare.Cert})
	parse := func(root string) *x509.Certificate {
		page, err := a.page(root, backupPassphrase)
		if err != nil {
			t.Fatal(err)
		}
		content, err := paper.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		return content.Certificate
	}
	if !parse(added.ID).Equal(second.Cert) || !parse("2").Equal(second.Cert) || parse("1").Equal(second.Cert) {
		t.Error("the wrong root was printed")
	}
	for _, root := range []string{inAgent.ID, onPaper.ID} {
		if _, err := a.page(root, backupPassphrase); !errors.Is(err, store.ErrKeyElsewhere) || fault.HintOf(err).IsZero() {
			t.Errorf("%s: got %v, want ErrKeyElsewhere", root, err)
		}
	}
	if _, err := a.page("none", backupPassphrase); fault.CodeOf(err) != fault.Usage {
		t.Errorf("got %v, want an UnknownRootError", err)
	}
	if _, err := a.page("1", nil); err == nil {
		t.Error("a key was printed in clear")
	}
}

// TestBackupInterruptedAnywhere: the file has the old content or the new, and
// nothing else is left once the same command ran again.
func TestBackupInterruptedAnywhere(t *testing.T) {
	a := newAuthority(t, "")
	dir := filepath.Join(filepath.Dir(a.dir), "stick")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "x.age")
	write := func(o Options) (err error) {
		c, err := Open(a.dir, o)
		if err != nil {
			return err
		}
		defer c.Close()
		place, err := c.BackupPlace(file, "", true)
		if err != nil {
			return err
		}
		defer place.Close()
		_, err = place.Write(t.Context(), []byte("new"), func(string) {})
		return err
	}
	for _, fails := range []error{nil, syscall.EIO, syscall.ENOSPC} {
		for at, more := 1, true; more; at++ {
			if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			plan := faultdisk.Plan{At: at, Err: fails, ForGood: fails == syscall.ENOSPC, NoSync: true}
			err, killed := plan.Run(func() error { return write(Options{Wrap: plan.Wrap}) })
			more = plan.Reached()
			got, readErr := os.ReadFile(file)
			if text := string(got); readErr != nil || text != "new" && (text != "old" || err == nil && !killed) {
				t.Fatalf("%v at step %d: got %q, %v, %v", fails, at, got, err, readErr)
			}
			if err := write(Options{}); err != nil {
				t.Fatalf("%v at step %d: again: %v", fails, at, err)
			}
			info, err := os.Stat(file)
			names, _ := filepath.Glob(dir + "/*")
			hidden, _ := filepath.Glob(dir + "/.*")
			if err != nil || info.Mode() != 0o600 || len(names)+len(hidden) != 1 {
				t.Fatalf("%v at step %d: got %v, %v, %q %q", fails, at, info, err, names, hidden)
			}
		}
	}
}
