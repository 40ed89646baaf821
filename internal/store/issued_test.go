package store

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

func TestWhatWasPutIsThere(t *testing.T) {
	s, root := createLocked(t)
	for _, name := range []string{"pico.local", "*.pico.local", "192.168.1.20", "fd00::1", "xn--bro-hoa.local", "con.local", strings.Repeat("a", 63) + ".local"} {
		leaf := root.leaf(t, name, "nas.local", "10.0.0.1")
		record := Record{Name: name, For: "pico-w/circuitpython@10", Folder: "/home/you/pico", Batch: "abc", Pushed: &Pushed{"/media/CIRCUITPY", "E6605", noon}}
		issued, err := s.Put(record, leaf.Cert, leaf.Key)
		if err != nil {
			t.Errorf("put %q: %v", name, err)
			continue
		}
		record.Kind = ca.KindServer
		reader := open(t, s.Path(".")) // needs no lock
		latest, err := reader.Latest(Device(name))
		if err != nil || !reflect.DeepEqual(latest, issued) {
			t.Errorf("latest of %q: got %+v, %v; want %+v", name, latest, err, issued)
		}
		if !latest.Leaf.Equal(leaf.Cert) || !reflect.DeepEqual(latest.Record, record) || !latest.HasKey || latest.Revoked != nil || !latest.Root.Certificate.Equal(root.Cert) {
			t.Errorf("%q: got %+v", name, latest)
		}
		if key, err := reader.Key(latest); err != nil || !equalKeys(leaf.Key, key) {
			t.Errorf("key of %q: %v", name, err)
		}
	}
}

func TestPlaceHasNumberDayAndSerial(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "*.pico.local")
	want := "issued/_.pico.local/000001-2026-11-21-" + ca.Serial(issued.Leaf)[:8]
	if issued.Place != want {
		t.Errorf("got %q, want %q", issued.Place, want)
	}
	if got, want := entries(t, s.Path(issued.Place)), []string{"about.json", "cert.pem", "key.pem"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, derived := range []string{"serial", "not_after", "names", "sha256", "kind", "key", "board"} {
		if about := get(t, s.Path(issued.Place+"/about.json")); strings.Contains(about, `"`+derived+`"`) {
			t.Errorf("about.json has %q, which the certificate shows: %s", derived, about)
		}
	}
}

func TestDeviceMayKeepItsKey(t *testing.T) {
	s, root := createLocked(t)
	leaf := root.leaf(t, "printer.local")
	issued, err := s.Put(Record{Name: "printer.local"}, leaf.Cert, nil)
	if err != nil || issued.HasKey {
		t.Fatalf("got %+v, %v", issued, err)
	}
	if got, want := entries(t, s.Path(issued.Place)), []string{"about.json", "cert.pem"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if key, err := s.Key(issued); key != nil || !errors.Is(err, ErrKeyElsewhere) || hintText(err) == "" || !strings.Contains(err.Error(), "printer.local") {
		t.Errorf("got %v, want %v", err, ErrKeyElsewhere)
	}
}

// TestHoldersOfEachKind are found by what they are, and by nothing else.
func TestHoldersOfEachKind(t *testing.T) {
	s, root := createLocked(t)
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, row := range []struct {
		leaf   pair
		holder Holder
		prefix string
	}{
		{root.leaf(t, "pico.local"), Holder{ca.KindServer, "pico.local"}, "issued/pico.local/"},
		{root.sign(t, &x509.Certificate{DNSNames: []string{"both.local"}, ExtKeyUsage: both}), Holder{ca.KindBoth, "both.local"}, "issued/both.local/"},
		{root.identity(t, "Küche/Tablet"), Identity("Küche/Tablet"), "issued/client_kuche-tablet_"},
		{root.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Lab CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}), Holder{ca.KindCA, "Lab CA"}, "issued/ca_lab-ca_"},
	} {
		issued, err := s.Put(Record{Name: row.holder.Name}, row.leaf.Cert, row.leaf.Key)
		if err != nil || issued.Record.Kind != row.holder.Kind || issued.Record.Holder() != row.holder || !strings.HasPrefix(issued.Place, row.prefix) {
			t.Errorf("%v: got %+v, %v", row.holder, issued, err)
		}
		if latest, err := s.Latest(row.holder); err != nil || latest.Place != issued.Place {
			t.Errorf("%v: got %q, %v", row.holder, latest.Place, err)
		}
	}
	for _, holder := range []Holder{Device("Küche/Tablet"), Identity("pico.local"), Identity("küche/tablet"), {ca.KindCA, "Küche/Tablet"}, Identity("Lab CA")} {
		if _, err := s.Latest(holder); !errors.Is(err, ErrNotIssued) {
			t.Errorf("%v: got %v, want %v", holder, err, ErrNotIssued)
		}
	}
}

func TestLatestIsTheHighestNumber(t *testing.T) {
	s, root := createLocked(t)
	var want []string
	for range 12 { // beyond 000009
		want = append(want, issue(t, s, root, "pico.local").Place)
	}
	if got, err := s.Latest(Device("pico.local")); err != nil || got.Place != want[11] || got.Number() != 12 {
		t.Errorf("got %v, %v; want %v", got.Place, err, want[11])
	}
	history, err := s.History(Device("pico.local"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, issued := range history {
		got = append(got, issued.Place)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNumbersGoOnBeyondSixDigits(t *testing.T) {
	s, root := createLocked(t)
	first := issue(t, s, root, "pico.local")
	if err := os.Rename(s.Path(first.Place), s.Path("issued/pico.local/999999-2026-11-21-ffffffff")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1000000, 1000001} {
		next := issue(t, s, root, "pico.local")
		if next.Number() != want {
			t.Errorf("got number %d, want %d", next.Number(), want)
		}
		if latest, err := s.Latest(Device("pico.local")); err != nil || latest.Place != next.Place {
			t.Errorf("latest: got %v, %v; want %v", latest.Place, err, next.Place)
		}
	}
	mkdir(t, s.Path("issued/pico.local/999999999999-x"), 0o700)
	leaf := root.leaf(t, "pico.local")
	if issued, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key); err == nil {
		t.Errorf("after the last number: put in %q", issued.Place)
	}
}

func TestNumberOfAFolder(t *testing.T) {
	for name, want := range map[string]int{
		"000001-2026-11-21-5a3f9a0c": 1, "000010-x": 10, "1000000-x": 1000000, "000123-": 123, "999999999999-x": 999999999999,
		"000000-x": 0, "00001-x": 0, "000001": 0, "": 0, "-": 0, "+00001-x": 0, "-00001-x": 0, "00000a-x": 0, "０００００１-x": 0, " 00001-x": 0,
		".picoca-A.stage": 0, "notes": 0, "1234567890123-x": 0,
	} {
		if got := number(name); got != want {
			t.Errorf("folder %q: got %d, want %d", name, got, want)
		}
	}
}

func TestForeignFilesAreIgnored(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	put(t, s.Path("issued/.DS_Store"), "x", 0o644)
	put(t, s.Path("issued/README"), "x", 0o644)
	mkdir(t, s.Path("issued/empty.local"), 0o700)
	put(t, s.Path("issued/pico.local/000009-notes.txt"), "a file", 0o644)
	mkdir(t, s.Path("issued/pico.local/my notes"), 0o700)
	mkdir(t, s.Path("issued/pico.local/00007-short"), 0o700)
	if err := os.Symlink("/", s.Path("issued/pico.local/000008-link")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Latest(Device("pico.local")); err != nil || got.Place != issued.Place {
		t.Errorf("latest: got %v, %v; want %v", got.Place, err, issued.Place)
	}
	for _, newestOnly := range []bool{true, false} {
		if got := placesOf(t, s, newestOnly); !slices.Equal(got, []string{issued.Place}) {
			t.Errorf("all (newest only %v): got %q", newestOnly, got)
		}
	}
	if next := issue(t, s, root, "pico.local"); next.Number() != 2 {
		t.Errorf("next: got %s", next.Place)
	}
	if _, err := s.Latest(Device("empty.local")); !errors.Is(err, ErrNotIssued) {
		t.Errorf("a name's empty folder: got %v, want %v", err, ErrNotIssued)
	}
}

func placesOf(t testing.TB, s *Store, newestOnly bool) []string {
	t.Helper()
	var places []string
	for issued, err := range s.All(newestOnly) {
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, issued.Place)
	}
	return places
}

func TestNothingIssuedYet(t *testing.T) {
	s, _ := create(t)
	for _, name := range []string{"pico.local", "", ".", "..", "../roots"} {
		if got, err := s.Latest(Device(name)); !errors.Is(err, ErrNotIssued) {
			t.Errorf("latest of %q: got %v, %v; want %v", name, got, err, ErrNotIssued)
		}
		if got, err := s.History(Identity(name)); !errors.Is(err, ErrNotIssued) {
			t.Errorf("history of %q: got %v, %v; want %v", name, got, err, ErrNotIssued)
		}
	}
	if got := placesOf(t, s, false); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	for _, serial := range []string{"", "0", strings.Repeat("0", 32), "../../x"} {
		if _, err := s.BySerial(serial); !errors.Is(err, ErrNotIssued) {
			t.Errorf("serial %q: got %v, want %v", serial, err, ErrNotIssued)
		}
	}
}

func TestBySerial(t *testing.T) {
	s, root := createLocked(t)
	issue(t, s, root, "a.local")
	want := issue(t, s, root, "b.local")
	issue(t, s, root, "b.local")
	serial := ca.Serial(want.Leaf)
	for _, text := range []string{serial, strings.ToUpper(serial)} {
		if got, err := s.BySerial(text); err != nil || got.Place != want.Place {
			t.Errorf("%s: got %q, %v; want %q", text, got.Place, err, want.Place)
		}
	}
	if _, err := s.BySerial(serial[:31] + "x"); !errors.Is(err, ErrNotIssued) {
		t.Errorf("got %v, want %v", err, ErrNotIssued)
	}
}

func TestPutRefusesWhatDoesNotFit(t *testing.T) {
	s, root := createLocked(t)
	before := snapshot(t, s.Path("."))
	leaf, stranger := root.leaf(t, "pico.local", ".", "a/b", "/etc", "../evil", `a\b`), newRoot(t)
	for name, row := range map[string]struct {
		record Record
		leaf   pair
	}{
		"no name":         {Record{}, leaf},
		"a dot":           {Record{Name: "."}, leaf},
		"a path":          {Record{Name: "a/b"}, leaf},
		"an absolute one": {Record{Name: "/etc"}, leaf},
		"out of it":       {Record{Name: "../evil"}, leaf},
		"a backslash":     {Record{Name: `a\b`}, leaf},
		"another name":    {Record{Name: "nas.local"}, leaf},
		"another kind":    {Record{Name: "pico.local", Kind: ca.KindClient}, leaf},
		"another CA":      {Record{Name: "pico.local"}, stranger.leaf(t, "pico.local")},
		"a root":          {Record{Name: root.Cert.Subject.CommonName}, root},
		"control":         {Record{Name: "pico.local", For: "pico\x1b[2J"}, leaf},
		"bidi":            {Record{Name: "pico.local", Folder: "/a\u202eb"}, leaf},
		"long":            {Record{Name: "pico.local", Batch: strings.Repeat("x", 300)}, leaf},
		"pushed":          {Record{Name: "pico.local", Pushed: &Pushed{To: "\n"}}, leaf},
	} {
		if issued, err := s.Put(row.record, row.leaf.Cert, row.leaf.Key); err == nil {
			t.Errorf("%s: put in %q", name, issued.Place)
		}
	}
	if _, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, testpki.NewKey(t, ca.P256)); !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key: got %v, want %v", err, ErrOtherKey)
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestPutThatFailsLeavesNothing(t *testing.T) {
	s, root := createLocked(t)
	for what, obstruct := range map[string]func() error{
		"file":          func() error { return os.WriteFile(s.Path("issued"), nil, 0o600) },
		"dangling link": func() error { return os.Symlink("nowhere", s.Path("issued")) },
		"circle":        func() error { return os.Symlink("issued", s.Path("issued")) },
	} {
		if err := obstruct(); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, s.Path("."))
		leaf := root.leaf(t, "pico.local")
		_, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key)
		if err == nil || hintText(err) == "" {
			t.Errorf("put below a %s: got %v, hint %q", what, err, hintText(err))
		}
		if got := snapshot(t, s.Path(".")); got != before {
			t.Errorf("below a %s: got\n%s\nwant\n%s", what, got, before)
		}
		remove(t, s.Path("issued"))
	}
}

func TestSetRecordReplacesIt(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	record := issued.Record
	record.Folder, record.Pushed = "/srv/pico", &Pushed{To: "/dev/ttyACM0", At: noon}
	if err := s.SetRecord(issued, record); err != nil {
		t.Fatal(err)
	}
	latest, err := s.Latest(Device("pico.local"))
	if err != nil || !reflect.DeepEqual(latest.Record, record) {
		t.Errorf("got %+v, %v, want %+v", latest.Record, err, record)
	}
	if got, want := entries(t, s.Path(issued.Place)), []string{"about.json", "cert.pem", "key.pem"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	leaf := root.leaf(t, "two.local", "pico.local")
	two, err := s.Put(Record{Name: "two.local"}, leaf.Cert, leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]Record{"another name": {Name: "x.local"}, "another folder's": {Name: "pico.local"}, "control": {Name: "two.local", For: "\x07"}} {
		if err := s.SetRecord(two, wrong); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestIssuedKeyThatOthersCanReadIsRefused(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	if err := os.Chmod(s.Path(issued.Place+"/key.pem"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Key(issued); !isA[ModeError](err) {
		t.Errorf("got %v, want a ModeError", err)
	}
}

func TestKeyOfAnotherCertificateIsRefused(t *testing.T) {
	s, root := createLocked(t)
	one, two := issue(t, s, root, "one.local"), issue(t, s, root, "two.local")
	name := s.Path(two.Place + "/key.pem")
	put(t, name, get(t, s.Path(one.Place+"/key.pem")), 0o600)
	if _, err := s.Key(two); !errors.Is(err, ErrOtherKey) || !isDamaged(err, name) || !strings.Contains(hintText(err), "picoca renew two.local") {
		t.Errorf("got %v, hint %q; want %v with the file's name", err, hintText(err), ErrOtherKey)
	}
	encrypted, err := encryptKey(testpki.NewKey(t, ca.P256), []byte("x"), 1)
	if err != nil {
		t.Fatal(err)
	}
	put(t, name, string(encrypted), 0o600)
	if _, err := s.Key(two); !errors.Is(err, ErrNoKey) {
		t.Errorf("encrypted: got %v, want %v", err, ErrNoKey)
	}
	remove(t, name)
	if _, err := s.Key(two); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("lost since it was read: got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestDamagedKeyIsNeverAnotherKey flips each bit of a stored key: of a P-256
// key most of them leave a key.
func TestDamagedKeyIsNeverAnotherKey(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	name := s.Path(issued.Place + "/key.pem")
	block, _ := pem.Decode([]byte(get(t, name)))
	other := 0
	for bit := range len(block.Bytes) * 8 {
		block.Bytes[bit/8] ^= 1 << (bit % 8)
		put(t, name, string(pem.EncodeToMemory(block)), 0o600)
		block.Bytes[bit/8] ^= 1 << (bit % 8)
		key, err := s.Key(issued)
		switch {
		case err == nil && !ca.KeyMatches(issued.Leaf, key.Public()):
			t.Errorf("bit %d: another key is returned", bit)
		case errors.Is(err, ErrOtherKey):
			other++
		case err != nil && !errors.Is(err, ErrNoKey):
			t.Errorf("bit %d: got %v", bit, err)
		}
	}
	if other < 200 {
		t.Errorf("other keys: %d, want those of the 256 bits of the key itself", other)
	}
}

// TestEachFlippedBitOfALeafIsFound by each function that returns it.
func TestEachFlippedBitOfALeafIsFound(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	name := s.Path(issued.Place + "/cert.pem")
	block, _ := pem.Decode([]byte(get(t, name)))
	for bit := range len(block.Bytes) * 8 {
		block.Bytes[bit/8] ^= 1 << (bit % 8)
		put(t, name, string(pem.EncodeToMemory(block)), 0o644)
		block.Bytes[bit/8] ^= 1 << (bit % 8)
		if got, err := s.Latest(Device("pico.local")); !isDamaged(err, name) || got.Leaf != nil {
			t.Fatalf("bit %d: Latest: got %v", bit, err)
		}
	}
	put(t, name, string(pem.EncodeToMemory(block))[1:], 0o644)
	for function, ask := range asking(s, issued, root) {
		if function == "Latest" || function == "History" || function == "All" || function == "BySerial" {
			if err := ask(); !isDamaged(err, name) {
				t.Errorf("%s: got %v, want a DamagedError", function, err)
			}
		}
	}
}

// TestCertificateInAnothersFolderIsDamaged: export would hand it out under the
// wrong name.
func TestCertificateInAnothersFolderIsDamaged(t *testing.T) {
	s, root := createLocked(t)
	issue(t, s, root, "one.local")
	if err := os.Rename(s.Path("issued/one.local"), s.Path("issued/two.local")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Latest(Device("two.local")); !isA[DamagedError](err) || !strings.Contains(err.Error(), "one.local") {
		t.Errorf("got %v, want a DamagedError", err)
	}
}

func TestDamagedRecordIsAnError(t *testing.T) {
	s, root := createLocked(t)
	issue(t, s, root, "a.local")
	issued := issue(t, s, root, "b.local")
	issue(t, s, root, "c.local")
	name := s.Path(issued.Place + "/about.json")
	whole := get(t, name)
	for n := range len(whole) - 2 { // all but the last brace
		put(t, name, whole[:n], 0o644)
		if _, err := s.Latest(Device("b.local")); !isDamaged(err, name) || !strings.Contains(hintText(err), "picoca renew b.local") {
			t.Fatalf("cut to %d bytes: got %v, want an error that names the file", n, err)
		}
	}
	for _, data := range []string{
		"null", "{}", "[]", `"x"`, `{"name":"pico.local"}`, `{"name":"../x","names":["../x"]}`, `{"name":1}`, `{"name":"b.local","for":"\u001b[2J"}`,
		`{"name":"b.local","board":"\u202e"}`, `{"name":"b.local","pushed":{"to":"\u0007"}}`, `{"name":"b.local","folder":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		put(t, name, data, 0o644)
		if _, err := s.Latest(Device("b.local")); !isDamaged(err, name) || strings.ContainsAny(err.Error(), "\x1b\x07\u202e") || len(err.Error()) > 1000 {
			t.Errorf("about.json %.60s: got %v", data, err)
		}
	}
	// The rest of a list follows: one file must not hide a whole store.
	var got []string
	for issued, err := range s.All(true) {
		got = append(got, fmt.Sprintf("%s %v", issued.Record.Name, err != nil))
	}
	if want := []string{"a.local false", " true", "c.local false"}; !slices.Equal(got, want) {
		t.Errorf("all: got %q, want %q", got, want)
	}
	remove(t, name)
	_, err := s.Latest(Device("b.local"))
	if e, ok := errors.AsType[MissingError](err); !ok || !errors.Is(err, fs.ErrNotExist) || e.Path != name || e.Holder != Device("b.local") {
		t.Errorf("missing: got %v, want a MissingError", err)
	}
}

// TestRecordWithManyNames: layout 1 had the certificate's names in it too.
func TestRecordWithManyNames(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	name := s.Path(issued.Place + "/about.json")
	names := `{"name":"pico.local","board":"pico-w","names":["pico.local"` + strings.Repeat(`,"x.local"`, 100_000) + `]}`
	put(t, name, names, 0o644)
	if latest, err := s.Latest(Device("pico.local")); err != nil || latest.Record.For != "pico-w" {
		t.Errorf("got %+v, %v", latest.Record, err)
	}
	put(t, name, names+strings.Repeat(" ", maxFile), 0o644)
	if _, err := s.Latest(Device("pico.local")); !isDamaged(err, name) {
		t.Errorf("got %v, want a DamagedError", err)
	}
}

// TestFoldersOfCertificatesThatOthersCanChange are refused, from the highest to
// the one with the files: a key of theirs would be served.
func TestFoldersOfCertificatesThatOthersCanChange(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	read := func() map[string]error {
		_, latest := s.Latest(Device("pico.local"))
		_, history := s.History(Device("pico.local"))
		_, serial := s.BySerial(ca.Serial(issued.Leaf))
		_, key := s.Key(issued)
		var list error
		for _, err := range s.All(false) {
			list = errors.Join(list, err)
		}
		return map[string]error{"list": list, "latest": latest, "history": history, "serial": serial, "key": key}
	}
	for name, right := range map[string]fs.FileMode{
		"issued": 0o755, "issued/pico.local": 0o755, issued.Place: 0o755, issued.Place + "/about.json": 0o644, issued.Place + "/cert.pem": 0o644,
	} {
		for _, mode := range []fs.FileMode{right | 0o022, right} {
			if err := os.Chmod(s.Path(name), mode); err != nil {
				t.Fatal(err)
			}
			for what, err := range read() {
				if what == "key" && filepath.Ext(name) != "" && strings.HasPrefix(filepath.Base(name), "a") || what == "key" && filepath.Base(name) == "cert.pem" {
					continue // it reads neither
				}
				e, refused := errors.AsType[ModeError](err)
				if refused != (mode != right) || refused && (e.Path != s.Path(name) || e.Want != right) {
					t.Errorf("%s with mode %04o, %s: got %v", name, mode, what, err)
				}
			}
		}
	}
	if err := os.Chmod(s.Path("issued"), 0o770); err != nil {
		t.Fatal(err)
	}
	leaf := root.leaf(t, "pico.local")
	if _, err := s.Put(Record{Name: "pico.local"}, leaf.Cert, leaf.Key); !isA[ModeError](err) {
		t.Errorf("put: got %v, want a ModeError", err)
	}
}
