package pki

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

var start = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// authority is a CA in a folder of its own, which is the current one.
type authority struct {
	t   testing.TB
	dir string
}

func newAuthority(t *testing.T, passphrase string) authority {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	a := authority{t, filepath.Join(dir, "ca")}
	req := InitRequest{Key: ca.P256, Root: ca.RootRequest{Name: "Home CA", Days: ca.DefaultRootDays, Constraints: ca.HomeConstraints()}}
	if _, err := Create(t.Context(), a.dir, req, []byte(passphrase), start, Options{}, nobodyWaits(t)); err != nil {
		t.Fatal(err)
	}
	return a
}

func nobodyWaits(t testing.TB) Waiting {
	return func(string) { t.Error("it waits for another picoca") }
}

// use opens the CA as one run of picoca does.
func (a authority) use(do func(*CA)) {
	a.t.Helper()
	c, err := Open(a.dir, Options{})
	if err != nil {
		a.t.Fatal(err)
	}
	do(c)
	if err := c.Close(); err != nil {
		a.t.Fatal(err)
	}
}

func noPassphrase() ([]byte, error) { return nil, errors.New("no passphrase was expected") }

// issue plans and issues a request at a time.
func (a authority) issue(req Request, now time.Time) (result Result, err error) {
	a.t.Helper()
	a.use(func(c *CA) {
		var plan *Plan
		if plan, err = c.Plan(req, now); err != nil {
			return
		}
		defer plan.Close()
		session, sessionErr := c.Session(a.t.Context(), now, noPassphrase, nobodyWaits(a.t))
		if sessionErr != nil {
			a.t.Fatal(sessionErr)
		}
		defer session.Close()
		result, err = session.Issue(plan, now)
	})
	return result, err
}

func (a authority) mustIssue(req Request, now time.Time) Result {
	a.t.Helper()
	result, err := a.issue(req, now)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

func names(t testing.TB, raw ...string) ca.Names {
	t.Helper()
	parsed, err := ca.ParseNames(raw)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func target(t testing.TB, text string) device.Target {
	t.Helper()
	parsed, err := device.ParseTarget(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func identity(t testing.TB, name string) Request {
	t.Helper()
	client, err := ca.ParseClientName(name)
	if err != nil {
		t.Fatal(err)
	}
	return Request{Client: client, P12: export.P12{Profile: export.LegacyDES, Passphrase: "kqwzep-hrmnba-xvtcyj"}}
}

// loads fails unless certificate and key in a folder match.
func loads(t testing.TB, dir string) {
	t.Helper()
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Error(err)
	}
}

func TestIssueWritesWhatTheDeviceLoads(t *testing.T) {
	a := newAuthority(t, "")
	result := a.mustIssue(Request{Names: names(t, "nas.local", "192.168.1.5"), For: target(t, "computer")}, start)
	loads(t, "nas.local")
	if got, want := result.Issued.Record.Folder, filepath.Join(filepath.Dir(a.dir), "nas.local"); got != want {
		t.Errorf("recorded folder: got %q, want %q", got, want)
	}
	if got := ca.NamesOf(result.Issued.Leaf); !slices.Equal(got, []string{"nas.local", "192.168.1.5"}) {
		t.Errorf("names: got %q", got)
	}
	for _, file := range result.Files {
		info, err := os.Stat(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		if private := info.Mode().Perm() == 0o600; private != file.Private {
			t.Errorf("%s: got mode %v, private %t", file.Path, info.Mode(), file.Private)
		}
	}
}

func TestIssueReportsAllNamesOutsideTheRoot(t *testing.T) {
	a := newAuthority(t, "")
	_, err := a.issue(Request{Names: names(t, "bank.example.com", "8.8.4.4", "pico.local")}, start)
	if faults := fault.Flatten(err); len(faults) != 2 {
		t.Errorf("got %v, want a fault for each of two names", faults)
	}
}

func TestValidCertificateIsNotReplacedByIssue(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "pico.local")}
	a.mustIssue(req, start)
	_, err := a.issue(req, start.Add(day))
	valid, ok := errors.AsType[*StillValidError](err)
	if !ok || valid.Name != "pico.local" {
		t.Fatalf("got %v, want a StillValidError", err)
	}
	if _, err := a.issue(Request{Names: names(t, "pico.local"), Out: "later"}, valid.Until.Add(time.Second)); err != nil {
		t.Errorf("after its end: got %v", err)
	}
}

// TestCertificateFromTheFutureCountsAsNone issues while the clock is two years
// ahead: once it is set, the name can be issued again.
func TestCertificateFromTheFutureCountsAsNone(t *testing.T) {
	a := newAuthority(t, "")
	req := Request{Names: names(t, "pico.local"), Out: "ahead"}
	a.mustIssue(req, start.Add(700*day))
	req.Out = "now"
	a.mustIssue(req, start)
}

func TestRenewalKeepsWhatIsNotAskedFor(t *testing.T) {
	a := newAuthority(t, "")
	clock := true
	first := Request{Names: names(t, "esp.local", "esp2.local"), For: target(t, "esp32"), Key: ca.RSA2048, BoardClock: &clock, Out: "files"}
	before := a.mustIssue(first, start)
	after := a.mustIssue(Request{Names: names(t, "esp.local"), Renew: true}, start.Add(day))
	if got, want := ca.NamesOf(after.Issued.Leaf), ca.NamesOf(before.Issued.Leaf); !slices.Equal(got, want) {
		t.Errorf("names: got %q, want %q", got, want)
	}
	if key, _ := ca.KeyTypeOf(after.Issued.Leaf.PublicKey); key != ca.RSA2048 || !ca.HasBoardClock(after.Issued.Leaf) {
		t.Errorf("got key %s and board clock %t, want rsa-2048 and true", key, ca.HasBoardClock(after.Issued.Leaf))
	}
	if after.Issued.Record.For != "esp32" || after.Issued.Record.Folder != before.Issued.Record.Folder {
		t.Errorf("got for %q in %q", after.Issued.Record.For, after.Issued.Record.Folder)
	}
	if ca.KeyMatches(before.Issued.Leaf, after.Issued.Leaf.PublicKey) {
		t.Error("the key is the old one")
	}
	wider := a.mustIssue(Request{Names: names(t, "esp.local", "esp3.local"), Renew: true}, start.Add(2*day))
	if got := ca.NamesOf(wider.Issued.Leaf); !slices.Equal(got, []string{"esp.local", "esp3.local"}) {
		t.Errorf("other names: got %q", got)
	}
}

func TestRenewalNeedsACertificate(t *testing.T) {
	a := newAuthority(t, "")
	_, err := a.issue(Request{Names: names(t, "pico.local"), Renew: true}, start)
	if _, ok := errors.AsType[*NotIssuedError](err); !ok {
		t.Errorf("got %v, want a NotIssuedError", err)
	}
}

// TestRenewalReplacesFilesOfAnyEarlierCertificate puts files of the certificate
// before the previous one back into the folder.
func TestRenewalReplacesFilesOfAnyEarlierCertificate(t *testing.T) {
	a := newAuthority(t, "")
	renew := Request{Names: names(t, "nas.local"), Renew: true}
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer")}, start)
	if err := os.CopyFS("oldest", os.DirFS("nas.local")); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		a.mustIssue(renew, start.Add(time.Duration(i+1)*day))
	}
	renew.Out = "oldest"
	a.mustIssue(renew, start.Add(9*day))
	loads(t, "oldest")
}

func TestRenewalLeavesFilesOfOthers(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer")}, start)
	if err := os.WriteFile(filepath.Join("nas.local", "key.pem"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := a.issue(Request{Names: names(t, "nas.local"), Renew: true}, start.Add(day))
	if _, ok := errors.AsType[*output.ExistsError](err); !ok {
		t.Errorf("got %v, want an ExistsError", err)
	}
	if data, err := os.ReadFile(filepath.Join("nas.local", "key.pem")); err != nil || string(data) != "mine" {
		t.Errorf("the user's file: got %q, %v", data, err)
	}
}

func TestRecordedFolderThatIsGoneOrAnothers(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer"), Out: "files"}, start)
	if err := os.Rename("files", "moved"); err != nil {
		t.Fatal(err)
	}
	renew := Request{Names: names(t, "nas.local"), Renew: true}
	if _, err := a.issue(renew, start.Add(day)); !isFolderGone(err) {
		t.Errorf("gone: got %v, want a FolderGoneError", err)
	}
	if err := os.Mkdir("files", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := a.issue(renew, start.Add(day)); !isFolderGone(err) {
		t.Errorf("another's: got %v, want a FolderGoneError", err)
	}
	renew.Out = "moved"
	if got := a.mustIssue(renew, start.Add(day)).Issued.Record.Folder; !strings.HasSuffix(got, "moved") {
		t.Errorf("recorded folder: got %q", got)
	}
}

func isFolderGone(err error) bool {
	_, ok := errors.AsType[*FolderGoneError](err)
	return ok
}

func TestIdentitiesAreFoundByTheirNames(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "Garden sensor"), start)
	a.mustIssue(Request{Names: names(t, "büro.local")}, start)
	a.use(func(c *CA) {
		for input, want := range map[string]Kind{"Garden sensor": Identity, "BÜRO.local.": Device} {
			issued, err := c.Find(input)
			if err != nil || KindOf(issued) != want {
				t.Errorf("%q: got %s, %v, want %s", input, KindOf(issued), err, want)
			}
		}
		if _, err := c.FindKind("büro.local", Identity); err == nil {
			t.Error("a device is an identity")
		}
		if _, err := c.FindKind(TheCA, Device); err == nil {
			t.Error("the CA is a device")
		}
		if _, err := c.Find("Nobody here"); !isNotIssued(err) {
			t.Errorf("unknown: got %v", err)
		}
	})
}

func isNotIssued(err error) bool {
	_, ok := errors.AsType[*NotIssuedError](err)
	return ok
}

func TestPassphraseIsAskedForOnceAndOnlyIfThereIsOne(t *testing.T) {
	a := newAuthority(t, "correct horse")
	a.use(func(c *CA) {
		asked := 0
		ask := func() ([]byte, error) { asked++; return []byte("correct horse"), nil }
		session, err := c.Session(t.Context(), start, ask, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		for _, name := range []string{"a.local", "b.local"} {
			plan, err := c.Plan(Request{Names: names(t, name)}, start)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := session.Issue(plan, start); err != nil {
				t.Error(err)
			}
			_ = plan.Close()
		}
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
	})
	a.use(func(c *CA) {
		_, err := c.Session(t.Context(), start, func() ([]byte, error) { return []byte("wrong"), nil }, nobodyWaits(t))
		if !errors.Is(err, store.ErrPassphrase) {
			t.Errorf("wrong passphrase: got %v", err)
		}
	})
}

// TestPlanOfAChangedWorldIsMadeAgain issues the same name between another run's
// plan and its lock.
func TestPlanOfAChangedWorldIsMadeAgain(t *testing.T) {
	a := newAuthority(t, "")
	a.use(func(c *CA) {
		plan, err := c.Plan(Request{Names: names(t, "pico.local"), Out: "mine"}, start)
		if err != nil {
			t.Fatal(err)
		}
		a.mustIssue(Request{Names: names(t, "pico.local"), Out: "theirs"}, start)
		session, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if _, err := session.Issue(plan, start); err == nil {
			t.Error("a name was issued twice")
		}
	})
	if _, err := os.Stat("mine"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the loser wrote files: %v", err)
	}
}

func TestExportOfEveryFormatAndKind(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer")}, start)
	a.mustIssue(identity(t, "tablet"), start)
	a.use(func(c *CA) {
		for name, kind := range map[string]Kind{"nas.local": Device, "tablet": Identity, TheCA: CAItself} {
			for _, format := range append(FormatsFor(kind), "") {
				e, err := c.PlanExport(ExportRequest{Name: name, Format: format}, start)
				if err != nil {
					t.Fatal(err)
				}
				e.SetP12(export.P12{Profile: export.Modern2023, Passphrase: "kqwzep-hrmnba-xvtcyj"})
				if files, err := e.Render(); err != nil || len(files) == 0 {
					t.Errorf("%s as %q: got %d files, %v", name, format, len(files), err)
				}
			}
		}
		if _, err := c.PlanExport(ExportRequest{Name: TheCA, Format: "pkcs8"}, start); err == nil {
			t.Error("the root's key can be exported")
		}
	})
}

func TestProjectKeepsWhatTheUserWrote(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	write := func() (w WrittenProject) {
		a.use(func(c *CA) {
			p, err := c.PlanProject(ProjectRequest{Name: "pico.local", Out: "project", Force: true})
			if err != nil {
				t.Fatal(err)
			}
			if w, err = p.Write(t.Context(), nobodyWaits(t)); err != nil {
				t.Fatal(err)
			}
		})
		return w
	}
	if w := write(); len(w.Kept)+len(w.Copied) != 0 {
		t.Errorf("a new project keeps %q and %q", w.Kept, w.Copied)
	}
	for _, name := range []string{"main.py", "secrets.py"} {
		if err := os.WriteFile(filepath.Join("project", name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start.Add(day))
	w := write()
	if !slices.Equal(w.Kept, []string{filepath.Join("project", "secrets.py")}) || !slices.Equal(w.Copied, []string{filepath.Join("project", "main.py.old")}) {
		t.Errorf("got kept %q and copied %q", w.Kept, w.Copied)
	}
	for _, name := range []string{"main.py.old", "secrets.py"} {
		if data, err := os.ReadFile(filepath.Join("project", name)); err != nil || string(data) != "mine" {
			t.Errorf("%s: got %q, %v", name, data, err)
		}
	}
}

// TestRenewalInAProjectReplacesTwoFiles: the program beside them stays.
func TestRenewalInAProjectReplacesTwoFiles(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.use(func(c *CA) {
		p, err := c.PlanProject(ProjectRequest{Name: "pico.local"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(t.Context(), nobodyWaits(t)); err != nil {
			t.Fatal(err)
		}
	})
	program := filepath.Join("pico.local-micropython", "main.py")
	if err := os.WriteFile(program, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	result := a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start.Add(day))
	var written []string
	for _, file := range result.Files {
		written = append(written, file.Path)
	}
	want := []string{filepath.Join("pico.local-micropython", "cert.der"), filepath.Join("pico.local-micropython", "key.der")}
	if !slices.Equal(written, want) {
		t.Errorf("got %q, want %q", written, want)
	}
	if data, err := os.ReadFile(program); err != nil || string(data) != "mine" {
		t.Errorf("the user's program: got %q, %v", data, err)
	}
}

func TestProjectOnlyForWhatTheDataKnows(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "esp.local"), For: target(t, "esp32")}, start)
	a.use(func(c *CA) {
		for _, text := range []string{"esp32/arduino", "computer"} {
			_, err := c.PlanProject(ProjectRequest{Name: "esp.local", For: target(t, text)})
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s: got %v, want a usage error", text, err)
			}
		}
		if _, err := c.PlanProject(ProjectRequest{Name: "esp.local", For: target(t, "pico-w/micropython@1.21")}); err == nil {
			t.Error("a version that cannot run the project gets it")
		}
	})
}

func TestFitSaysWhatADeviceMakesOfACertificate(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.mustIssue(Request{Names: names(t, "slow.local"), Key: ca.RSA4096, Force: true}, start)
	a.use(func(c *CA) {
		for _, row := range []struct {
			name, on string
			want     Verdict
		}{
			{"pico.local", "", Fits},
			{"slow.local", "", NotRecommended},
			{"pico.local", "esp8266/micropython", Misfit},
		} {
			on := device.Target{}
			if row.on != "" {
				on = target(t, row.on)
			}
			f, err := c.FitDevice(row.name, on)
			if err != nil || f.Verdict != row.want {
				t.Errorf("%s on %q: got %s, %v, want %s", row.name, row.on, f.Verdict, err, row.want)
			}
			if (len(f.Faults) == 0) != (row.want == Fits) {
				t.Errorf("%s on %q: got faults %v", row.name, row.on, f.Faults)
			}
		}
	})
	if f := FitKey(ca.RSA2048, target(t, "pico-w")); f.Verdict != Fits || len(f.Smaller) == 0 {
		t.Errorf("a key type: got %s and %v", f.Verdict, f.Smaller)
	}
}

func TestPhoneGetsRootProfileAndIdentity(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "tablet"), start)
	a.use(func(c *CA) {
		files, err := c.PhoneOffer([]string{"Garden=https://pico.local/"}, start)
		if err != nil || len(files.Roots) != 1 || len(files.Profile) == 0 || len(files.Devices) != 1 {
			t.Errorf("got %d roots, %d clips, %v", len(files.Roots), len(files.Devices), err)
		}
		if _, err := c.PhoneOffer([]string{"https://bank.example.com"}, start); err == nil {
			t.Error("an icon for a page that the root cannot vouch for")
		}
		p12 := identity(t, "tablet").P12
		id, err := c.PhoneIdentity("tablet", p12, start)
		if err != nil || len(id.P12) == 0 || len(id.Profile) == 0 || len(id.PhoneProfile) == 0 {
			t.Errorf("identity: got %v", err)
		}
		if _, err := c.PhoneIdentity("tablet", p12, start.Add(2000*day)); err == nil {
			t.Error("an expired identity is handed over")
		}
	})
}

func TestSecondCAInTheSameFolder(t *testing.T) {
	a := newAuthority(t, "")
	err := Vacant(a.dir, start, Options{})
	exists, ok := errors.AsType[*ExistsError](err)
	if !ok || !errors.Is(err, fs.ErrExist) || !strings.HasPrefix(exists.Root.Subject.CommonName, "Home CA ") {
		t.Fatalf("got %v, want an ExistsError", err)
	}
	show := func(c fault.Command) string { return strings.Join(c, " ") }
	if hint := exists.Hint().Text(show); !strings.HasPrefix(hint, "use it: issue pico.local") {
		t.Errorf("hint: got %q", hint)
	}
	roots, err := filepath.Glob(filepath.Join(a.dir, "roots", "*", "key.pem"))
	if err != nil || len(roots) != 1 {
		t.Fatalf("got %q, %v", roots, err)
	}
	if err := os.Remove(roots[0]); err != nil {
		t.Fatal(err)
	}
	if hint := fault.HintOf(Vacant(a.dir, start, Options{})); strings.Contains(hint.Text(show), "use it") {
		t.Errorf("without the root's key: got the hint %q", hint.Text(show))
	}
}

// TestDamagedRecordIsMendedByARenewal: the hint of the damage is that command.
func TestDamagedRecordIsMendedByARenewal(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer")}, start)
	records, err := filepath.Glob(filepath.Join(a.dir, "issued", "nas.local", "*", "about.json"))
	if err != nil || len(records) != 1 {
		t.Fatalf("got %q, %v", records, err)
	}
	if err := os.WriteFile(records[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	renew := Request{Names: names(t, "nas.local"), For: target(t, "computer"), Renew: true}
	if _, err := a.issue(renew, start.Add(day)); err != nil {
		t.Fatalf("got %v", err)
	}
	loads(t, "nas.local")
}

// TestUnfinishedChangesOfOthersDoNotOpenAFolder: what has taken the place of the
// recorded folder is refused, whatever else lies in it.
func TestUnfinishedChangesOfOthersDoNotOpenAFolder(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "nas.local"), For: target(t, "computer"), Out: "files"}, start)
	if err := os.RemoveAll("files"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join("files", ".picoca-foo"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := a.issue(Request{Names: names(t, "nas.local"), Renew: true}, start.Add(day)); !isFolderGone(err) {
		t.Errorf("got %v, want a FolderGoneError", err)
	}
}

// TestFolderAboveTheRecordedOneIsGone has the same way out.
func TestFolderAboveTheRecordedOneIsGone(t *testing.T) {
	a := newAuthority(t, "")
	if err := os.Mkdir("above", 0o700); err != nil {
		t.Fatal(err)
	}
	a.mustIssue(Request{Names: names(t, "nas.local"), Out: filepath.Join("above", "files")}, start)
	if err := os.Rename("above", "moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.issue(Request{Names: names(t, "nas.local"), Renew: true}, start.Add(day)); !isFolderGone(err) {
		t.Errorf("got %v, want a FolderGoneError", err)
	}
}

// TestFolderBehindALink is recorded where it really is.
func TestFolderBehindALink(t *testing.T) {
	a := newAuthority(t, "")
	if err := os.MkdirAll(filepath.Join("real", "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("real", "a", "b"), "here"); err != nil {
		t.Skip(err) // Windows without the privilege
	}
	t.Chdir("here")
	result := a.mustIssue(Request{Names: names(t, "nas.local"), Out: filepath.Join("..", "files")}, start)
	if got, want := result.Issued.Record.Folder, filepath.Join("real", "a", "files"); !strings.HasSuffix(got, want) {
		t.Errorf("recorded folder: got %q, want one that ends in %q", got, want)
	}
}

// TestForeignP12IsNotTheIdentitys although the identity's profile is beside it.
func TestForeignP12IsNotTheIdentitys(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "Phone"), start)
	if err := os.WriteFile(filepath.Join("phone", "phone.p12"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	req := identity(t, "Phone")
	req.Renew = true
	if _, err := a.issue(req, start.Add(day)); err == nil {
		t.Error("the user's file was replaced")
	}
}

// TestCAWithoutItsKeyCanBeRead: the root is then all that is left.
func TestCAWithoutItsKeyCanBeRead(t *testing.T) {
	a := newAuthority(t, "")
	keys, err := filepath.Glob(filepath.Join(a.dir, "roots", "*", "key.pem"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("got %q, %v", keys, err)
	}
	if err := os.Remove(keys[0]); err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		if _, err := c.Root(); err != nil {
			t.Errorf("Root: got %v", err)
		}
		if _, err := c.PlanExport(ExportRequest{Name: TheCA}, start); err != nil {
			t.Errorf("PlanExport: got %v", err)
		}
		if _, err := c.Plan(Request{Names: names(t, "a.local")}, start); !errors.Is(err, store.ErrNoSigningRoot) {
			t.Errorf("Plan: got %v, want ErrNoSigningRoot", err)
		}
	})
}
