package store

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
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
)

// issue puts a new certificate for a name into a store whose lock is held.
func issue(t testing.TB, s *Store, name string) (Issued, pair) {
	t.Helper()
	p := newPair(t, name)
	issued, err := s.Put(p.about(name), p.cert, p.key)
	if err != nil {
		t.Fatalf("put %q: %v", name, err)
	}
	return issued, p
}

func TestWhatWasPutIsThere(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	for _, name := range []string{"pico.local", "*.pico.local", "192.168.1.20", "fd00::1", "xn--bro-hoa.local", strings.Repeat("a", 63) + ".local"} {
		p := newPair(t, name)
		about := p.about(name, "nas.local", "10.0.0.1")
		issued, err := s.Put(about, p.cert, p.key)
		if err != nil {
			t.Errorf("put %q: %v", name, err)
			continue
		}
		reader := open(t, s.Path(".")) // needs no lock
		if latest, err := reader.Latest(name); err != nil || latest != issued {
			t.Errorf("latest of %q: got %v, %v; want %v", name, latest, err, issued)
		}
		if cert, err := reader.Certificate(issued); err != nil || !cert.Equal(p.cert) {
			t.Errorf("certificate of %q: %v", name, err)
		}
		if key, err := reader.Key(issued); err != nil || !p.key.(*ecdsa.PrivateKey).Equal(key) {
			t.Errorf("key of %q: %v", name, err)
		}
		if got, err := reader.About(issued); err != nil || !reflect.DeepEqual(got, about) {
			t.Errorf("about %q: got %+v, %v; want %+v", name, got, err, about)
		}
	}
}

func TestPlaceTellsNumberDayAndSerial(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issued, p := issue(t, s, "*.pico.local")
	want := "issued/_.pico.local/000001-2026-11-21-" + fmt.Sprintf("%032x", p.cert.SerialNumber)[:8]
	if got := issued.Place(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := entries(t, s.Path(issued.Place())), []string{"about.json", "cert.pem", "key.pem"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFolderNameIsOneThatFileSystemsTake(t *testing.T) {
	seen := map[string]string{}
	for name, want := range map[string]string{
		"pico.local": "pico.local", "*.pico.local": "_.pico.local", "fd00::1": "fd00__1", "::1": "__1", "192.168.1.1": "192.168.1.1",
	} {
		got := FolderName(name)
		if got != want || seen[got] != "" {
			t.Errorf("name %q: got %q, want %q, alone", name, got, want)
		}
		seen[got] = name
	}
}

func TestLatestIsTheHighestNumber(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	var last Issued
	for range 12 { // beyond 000009
		last, _ = issue(t, s, "pico.local")
	}
	if got, err := s.Latest("pico.local"); err != nil || got != last {
		t.Errorf("got %v, %v; want %v", got, err, last)
	}
	var numbers []string
	for _, name := range entries(t, s.Path("issued/pico.local")) {
		numbers = append(numbers, name[:6])
	}
	want := []string{"000001", "000002", "000003", "000004", "000005", "000006", "000007", "000008", "000009", "000010", "000011", "000012"}
	if !slices.Equal(numbers, want) {
		t.Errorf("got %q, want %q", numbers, want)
	}
}

func TestNumbersGoOnBeyondSixDigits(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	first, _ := issue(t, s, "pico.local")
	place := "issued/pico.local/999999-2026-11-21-ffffffff"
	if err := os.Rename(s.Path(first.Place()), s.Path(place)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1000000, 1000001} {
		next, _ := issue(t, s, "pico.local")
		if got := number(filepath.Base(next.Place())); got != want {
			t.Errorf("got number %d, want %d", got, want)
		}
		if latest, err := s.Latest("pico.local"); err != nil || latest != next {
			t.Errorf("latest: got %v, %v; want %v", latest, err, next)
		}
		newest, err := s.About(next)
		if err != nil {
			t.Fatal(err)
		}
		if got := serialsOf(t, s, true); !slices.Equal(got, []string{"pico.local " + newest.Serial}) {
			t.Errorf("newest of all: got %q, want %q", got, newest.Serial)
		}
	}
}

func TestNumberOfAFolder(t *testing.T) {
	for name, want := range map[string]int{
		"000001-2026-11-21-5a3f9a0c": 1, "000010-x": 10, "1000000-x": 1000000, "000123-": 123,
		"000000-x": 0, "00001-x": 0, "000001": 0, "": 0, "-": 0, "+00001-x": 0, "-00001-x": 0, "00000a-x": 0, "０００００１-x": 0, " 00001-x": 0,
		".picoca-A.stage": 0, "notes": 0, "123456789012345678901234567890-x": 123456789012345678,
	} {
		if got := number(name); got != want {
			t.Errorf("folder %q: got %d, want %d", name, got, want)
		}
	}
}

func TestForeignFilesAreIgnored(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issued, _ := issue(t, s, "pico.local")
	put(t, s.Path("issued/.DS_Store"), "x", 0o644)
	put(t, s.Path("issued/README"), "x", 0o644)
	mkdir(t, s.Path("issued/empty.local"), 0o700)
	put(t, s.Path("issued/pico.local/000009-notes.txt"), "a file", 0o644)
	mkdir(t, s.Path("issued/pico.local/my notes"), 0o700)
	mkdir(t, s.Path("issued/pico.local/00007-short"), 0o700)
	if err := os.Symlink("/", s.Path("issued/pico.local/000008-link")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Latest("pico.local"); err != nil || got != issued {
		t.Errorf("latest: got %v, %v; want %v", got, err, issued)
	}
	for _, newestOnly := range []bool{true, false} {
		if got := namesOf(t, s, newestOnly); !slices.Equal(got, []string{"pico.local"}) {
			t.Errorf("all (newest only %v): got %q", newestOnly, got)
		}
	}
	if next, _ := issue(t, s, "pico.local"); number(filepath.Base(next.Place())) != 2 {
		t.Errorf("next: got %s", next.Place())
	}
	if _, err := s.Latest("empty.local"); !errors.Is(err, ErrNotIssued) {
		t.Errorf("a name's empty folder: got %v, want %v", err, ErrNotIssued)
	}
}

// namesOf lists a store by name.
func namesOf(t testing.TB, s *Store, newestOnly bool) []string {
	t.Helper()
	var names []string
	for about, err := range s.All(newestOnly) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, about.Name)
	}
	return names
}

func TestNothingIssuedYet(t *testing.T) {
	s, _ := create(t)
	for _, name := range []string{"pico.local", "", ".", "..", "../root"} {
		if got, err := s.Latest(name); !errors.Is(err, ErrNotIssued) {
			t.Errorf("latest of %q: got %v, %v; want %v", name, got, err, ErrNotIssued)
		}
	}
	if got := namesOf(t, s, false); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestPutRefusesWhatIsNoName(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	before := snapshot(t, s.Path("."))
	for _, name := range []string{"", ".", "..", "../evil", "a/b", "/etc", "a/"} {
		p := newPair(t, "x")
		if issued, err := s.Put(p.about(name), p.cert, p.key); err == nil {
			t.Errorf("name %q is put in %q", name, issued.Place())
		}
	}
	p := newPair(t, "pico.local")
	about := p.about("pico.local")
	about.Names = []string{"nas.local"}
	if _, err := s.Put(about, p.cert, p.key); err == nil {
		t.Error("a name that is not among the certificate's is put")
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestPutRefusesAnotherKey(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	p := newPair(t, "pico.local")
	if _, err := s.Put(p.about("pico.local"), p.cert, newKey(t)); !errors.Is(err, ErrOtherKey) {
		t.Errorf("got %v, want %v", err, ErrOtherKey)
	}
	if _, err := s.Latest("pico.local"); !errors.Is(err, ErrNotIssued) {
		t.Errorf("latest: got %v", err)
	}
}

func TestPutThatFailsLeavesNothing(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	for what, inTheWay := range map[string]func() error{
		"file": func() error { return os.WriteFile(s.Path("issued"), nil, 0o600) },
		"link": func() error { return os.Symlink("nowhere", s.Path("issued")) },
	} {
		if err := inTheWay(); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, s.Path("."))
		p := newPair(t, "pico.local")
		if _, err := s.Put(p.about("pico.local"), p.cert, p.key); err == nil {
			t.Errorf("put below a %s", what)
		}
		if got := snapshot(t, s.Path(".")); got != before {
			t.Errorf("below a %s: got\n%s\nwant\n%s", what, got, before)
		}
		if err := os.Remove(s.Path("issued")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIssuedKeyThatOthersCanReadIsRefused(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issued, _ := issue(t, s, "pico.local")
	if err := os.Chmod(s.Path(issued.Place()+"/key.pem"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Key(issued); !isModeError(err) {
		t.Errorf("got %v, want a ModeError", err)
	}
}

func TestKeyOfAnotherCertificateIsRefused(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	one, _ := issue(t, s, "one.local")
	two, _ := issue(t, s, "two.local")
	key, err := os.ReadFile(s.Path(one.Place() + "/key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.Path(two.Place()+"/key.pem"), string(key), 0o600)
	if _, err := s.Key(two); !errors.Is(err, ErrOtherKey) || !strings.Contains(err.Error(), two.Place()) {
		t.Errorf("got %v, want %v with the file's name", err, ErrOtherKey)
	}
}

// TestDamagedKeyIsNeverAnotherKey flips each bit of a stored key: of a P-256
// key most of them leave a key.
func TestDamagedKeyIsNeverAnotherKey(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issued, p := issue(t, s, "pico.local")
	name := s.Path(issued.Place() + "/key.pem")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	other := 0
	for bit := range len(block.Bytes) * 8 {
		block.Bytes[bit/8] ^= 1 << (bit % 8)
		put(t, name, string(pem.EncodeToMemory(block)), 0o600)
		block.Bytes[bit/8] ^= 1 << (bit % 8)
		key, err := s.Key(issued)
		switch {
		case err == nil && !p.key.(*ecdsa.PrivateKey).Equal(key):
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

func TestDamagedAboutIsAnError(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issue(t, s, "a.local")
	issued, _ := issue(t, s, "b.local")
	issue(t, s, "c.local")
	name := s.Path(issued.Place() + "/about.json")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 2 { // all but the last brace
		put(t, name, string(whole[:n]), 0o644)
		if _, err := s.About(issued); !isDamaged(err, name, "b.local") {
			t.Fatalf("cut to %d bytes: got %v, want an error that names the file", n, err)
		}
	}
	for _, data := range []string{"null", "{}", "[]", `"x"`, `{"name":"pico.local"}`, `{"name":"../x","names":["../x"]}`, `{"name":1}`} {
		put(t, name, data, 0o644)
		if _, err := s.About(issued); err == nil {
			t.Errorf("about.json %s is accepted", data)
		}
	}
	// The rest of a list follows: one file must not hide a whole store.
	var got []string
	for about, err := range s.All(true) {
		got = append(got, fmt.Sprintf("%s %v", about.Name, err != nil))
	}
	if want := []string{"a.local false", " true", "c.local false"}; !slices.Equal(got, want) {
		t.Errorf("all: got %q, want %q", got, want)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	_, err = s.About(issued)
	if e, ok := errors.AsType[MissingError](err); !ok || !errors.Is(err, fs.ErrNotExist) || e.Path != name || e.Device != "b.local" {
		t.Errorf("missing: got %v, want a MissingError", err)
	}
}

func isDamaged(err error, path, device string) bool {
	e, ok := errors.AsType[DamagedError](err)
	return ok && e.Path == path && e.Device == device
}

// TestStrayFolderHidesNothing: a folder that no certificate is in.
func TestStrayFolderHidesNothing(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issue(t, s, "a.local")
	mkdir(t, s.Path("issued/b.local/000009-x"), 0o700)
	issue(t, s, "c.local")
	var got []string
	for about, err := range s.All(true) {
		_, missing := errors.AsType[MissingError](err)
		got = append(got, fmt.Sprintf("%s %v", about.Name, missing))
	}
	if want := []string{"a.local false", " true", "c.local false"}; !slices.Equal(got, want) {
		t.Errorf("all: got %q, want %q", got, want)
	}
}

func TestDeviceOfAFile(t *testing.T) {
	for name, want := range map[string]string{
		folder("pico.local") + "/000001-x/about.json": "pico.local", folder("*.pico.local") + "/1/cert.pem": "*.pico.local",
		folder("fd00::1"): "fd00::1", folder("::1") + "/x": "::1", clientFolder("tablet") + "/000001-x/about.json": "",
		rootCert: "", "layout": "", "issued": "", ".": "",
	} {
		if got := deviceOf(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestFoldersOfCertificatesThatOthersCanChange are refused, from the highest to
// the one with the files: a key of theirs would be served.
func TestFoldersOfCertificatesThatOthersCanChange(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	issued, p := issue(t, s, "pico.local")
	read := func() []error {
		_, latest := s.Latest("pico.local")
		_, about := s.About(issued)
		_, cert := s.Certificate(issued)
		_, key := s.Key(issued)
		var list error
		for _, err := range s.All(false) {
			list = errors.Join(list, err)
		}
		return []error{list, latest, about, cert, key}
	}
	refusedBy := map[string][]bool{ // list, latest, about, certificate, key
		"issued":                       {true, true, false, false, false},
		"issued/pico.local":            {true, true, false, false, false},
		issued.Place():                 {true, false, true, true, true},
		issued.Place() + "/about.json": {true, false, true, false, false},
		issued.Place() + "/cert.pem":   {false, false, false, true, true},
	}
	for name, want := range refusedBy {
		right, wrong := fs.FileMode(0o755), fs.FileMode(0o777)
		if filepath.Ext(name) == ".json" || filepath.Ext(name) == ".pem" {
			right, wrong = 0o644, 0o666
		}
		for _, mode := range []fs.FileMode{wrong, right} {
			if err := os.Chmod(s.Path(name), mode); err != nil {
				t.Fatal(err)
			}
			for i, err := range read() {
				e, refused := errors.AsType[ModeError](err)
				if refused != (want[i] && mode == wrong) || refused && (e.Path != s.Path(name) || e.Want != right) {
					t.Errorf("%s with mode %04o, read %d: got %v", name, mode, i, err)
				}
			}
		}
	}
	if err := os.Chmod(s.Path("issued"), 0o770); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(p.about("pico.local"), p.cert, p.key); !isModeError(err) {
		t.Errorf("put: got %v, want a ModeError", err)
	}
}

func TestAllIsOrderedByFolderAndNumber(t *testing.T) {
	s, _ := create(t)
	lock(t, s)
	var want []string
	for _, name := range []string{"b.local", "a.local", "b.local", "c.local", "b.local"} {
		_, p := issue(t, s, name)
		want = append(want, name+" "+fmt.Sprintf("%032x", p.cert.SerialNumber))
	}
	// By folder, and in the order of their making.
	slices.SortStableFunc(want, func(x, y string) int { return strings.Compare(x[:1], y[:1]) })
	if got := serialsOf(t, s, false); !slices.Equal(got, want) {
		t.Errorf("all: got %q, want %q", got, want)
	}
	newest := []string{want[0], want[3], want[4]}
	if got := serialsOf(t, s, true); !slices.Equal(got, newest) {
		t.Errorf("newest: got %q, want %q", got, newest)
	}
	for about := range s.All(false) { // whoever has enough may stop
		if about.Name != "a.local" {
			t.Errorf("first: got %q", about.Name)
		}
		break
	}
}

func serialsOf(t testing.TB, s *Store, newestOnly bool) []string {
	t.Helper()
	var all []string
	for about, err := range s.All(newestOnly) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, about.Name+" "+about.Serial)
	}
	return all
}

func TestAllOfTenThousand(t *testing.T) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // a disk takes seconds for so many folders
	}
	s, _ := create(t)
	var want, newest []string
	for i := range 5000 {
		name := fmt.Sprintf("pico-%04d.local", i)
		for n := range 2 {
			serial := fmt.Sprintf("%032x", 2*i+n)
			data, err := json.Marshal(About{Name: name, Names: []string{name}, Serial: serial, NotBefore: noon, NotAfter: noon})
			if err != nil {
				t.Fatal(err)
			}
			dir := s.Path(fmt.Sprintf("issued/%s/%06d-2026-11-21-%s", name, n+9, serial[24:]))
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "about.json"), data, 0o644)); err != nil {
				t.Fatal(err)
			}
			want = append(want, name+" "+serial)
		}
		newest = append(newest, want[len(want)-1])
	}
	if got := serialsOf(t, s, false); !slices.Equal(got, want) {
		t.Errorf("all: got %d, want %d in order", len(got), len(want))
	}
	if got := serialsOf(t, s, true); !slices.Equal(got, newest) {
		t.Errorf("newest: got %d, want %d in order", len(got), len(newest))
	}
}

// FuzzAbout holds whatever is accepted against the promise: it names a
// certificate, and is written and read again as it is.
func FuzzAbout(f *testing.F) {
	whole, err := json.Marshal(About{
		Name: "pico.local", Names: []string{"pico.local", "192.168.1.20"}, Board: "pico-w", Key: "p256",
		Serial: strings.Repeat("0f", 16), NotBefore: noon, NotAfter: noon.AddDate(2, 0, 0), SHA256: "AA:BB",
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(whole), string(whole[:len(whole)/2]), "", "null", "{}", "[]", `{"name":"x","names":["x"]}`, `{"name":"../x y","kind":"client"}`, `{"name":"","kind":"client"}`, `{"name":"..","names":[".."]}`,
		`{"name":"x","names":["x"],"not_after":"9999-12-31T23:59:59-23:59"}`, `{"NAME":"x","names":["x"],"name":"y"}`, `{"name":"\u202e","names":["\u202e"]}`,
		base64.StdEncoding.EncodeToString(whole),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		about, err := parseAbout(data)
		if err != nil {
			if !reflect.DeepEqual(about, About{}) {
				t.Errorf("refused, and %+v returned", about)
			}
			return
		}
		if filepath.Dir(about.folder()) != "issued" || about.Name == "" || about.Kind == "" && !slices.Contains(about.Names, about.Name) {
			t.Errorf("accepted %+v", about)
		}
		once, err := json.Marshal(about)
		if err != nil {
			t.Fatalf("%+v: %v", about, err)
		}
		again, err := parseAbout(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(once) {
			t.Errorf("got %s, then %s, %v", once, twice, err)
		}
	})
}
