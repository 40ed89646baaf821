package store

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/picoca/picoca/internal/ca"
)

func TestAllIsOrderedByFolderAndNumber(t *testing.T) {
	s, root := createLocked(t)
	var want []string
	for _, name := range []string{"b.local", "a.local", "b.local", "c.local", "b.local"} {
		want = append(want, issue(t, s, root, name).Place)
	}
	slices.Sort(want)
	if got := placesOf(t, s, false); !slices.Equal(got, want) {
		t.Errorf("all: got %q, want %q", got, want)
	}
	newest := []string{want[0], want[3], want[4]}
	if got := placesOf(t, s, true); !slices.Equal(got, newest) {
		t.Errorf("newest: got %q, want %q", got, newest)
	}
	for issued := range s.All(false) { // the caller may stop
		if issued.Record.Name != "a.local" {
			t.Errorf("first: got %q", issued.Record.Name)
		}
		break
	}
}

// TestStrayFolderHidesNothing: a folder with no certificate in it.
func TestStrayFolderHidesNothing(t *testing.T) {
	s, root := createLocked(t)
	issue(t, s, root, "a.local")
	mkdir(t, s.Path("issued/b.local/000009-x"), 0o700)
	issue(t, s, root, "c.local")
	if err := os.Symlink("d.local", s.Path("issued/d.local")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for issued, err := range s.All(true) {
		got = append(got, fmt.Sprintf("%s %v", issued.Place[:len("issued/x.local")], isA[MissingError](err)))
	}
	if want := []string{"issued/a.local false", "issued/b.local true", "issued/c.local false"}; !slices.Equal(got, want) {
		t.Errorf("all: got %q, want %q", got, want)
	}
}

// TestOrderedKeepsTheOrderAndIsBounded whatever the workers' speed.
func TestOrderedKeepsTheOrderAndIsBounded(t *testing.T) {
	const many = 5000
	var begun, taken, ahead atomic.Int64
	jobs := make([]int, many)
	for i := range jobs {
		jobs[i] = i
	}
	work := func(i int) int {
		most := begun.Add(1) - taken.Load()
		for old := ahead.Load(); most > old && !ahead.CompareAndSwap(old, most); old = ahead.Load() {
		}
		for range i % 7 {
			runtime.Gosched()
		}
		return i * i
	}
	next := 0
	for got := range ordered(jobs, work) {
		taken.Add(1)
		if got != next*next {
			t.Fatalf("got %d, want %d", got, next*next)
		}
		next++
	}
	if next != many {
		t.Errorf("got %d results, want %d", next, many)
	}
	if most := int64(few * (5*runtime.GOMAXPROCS(0) + 3)); ahead.Load() > most {
		t.Errorf("%d jobs ahead, want at most %d", ahead.Load(), most)
	}
	for stop := range 100 {
		n := 0
		for range ordered(jobs, work) {
			if n++; n > stop {
				break
			}
		}
	}
	for range ordered(nil, work) {
		t.Error("a result without a job")
	}
}

// TestManyOfOneHolderAreInOrder, also when the list is left before its end.
func TestManyOfOneHolderAreInOrder(t *testing.T) {
	s, root := createLocked(t)
	var want []string
	for _, name := range []string{"a.local", "b.local", "c.local"} {
		for range 3 * few {
			want = append(want, issue(t, s, root, name).Place)
		}
	}
	for stop := 1; stop <= len(want); stop += 5 {
		var got []string
		for issued, err := range s.All(false) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, issued.Place); len(got) == stop {
				break
			}
		}
		if !slices.Equal(got, want[:stop]) {
			t.Fatalf("got %q, want %q", got, want[:stop])
		}
	}
}

// fill puts n names with a certificate each into a store, without syncing. All
// have one key.
func fill(t testing.TB, s *Store, root pair, n int) []string {
	t.Helper()
	var places []string
	for i := range n {
		name := fmt.Sprintf("pico-%05d.local", i)
		leaf := root.leaf(t, name)
		place := fmt.Sprintf("issued/%s/000001-2026-11-21-%s", name, ca.Serial(leaf.Cert)[:8])
		mkdir(t, s.Path(place), 0o700)
		put(t, s.Path(place+"/cert.pem"), string(ca.CertificatePEM(leaf.Cert)), 0o644)
		put(t, s.Path(place+"/about.json"), string(encodeJSON(Record{Name: name, For: "pico-w"})), 0o644)
		places = append(places, place)
	}
	for _, dir := range []string{"issued"} {
		mkdir(t, s.Path(dir), 0o700)
	}
	return places
}

// TestAllOfTenThousand also bounds what is held: the live heap does not grow
// with the number of certificates.
func TestAllOfTenThousand(t *testing.T) {
	s, root := create(t)
	want := fill(t, s, root, 10_000)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for _, newestOnly := range []bool{true, false} {
		before, most, i := heap(), uint64(0), 0
		for issued, err := range s.All(newestOnly) {
			if err != nil || issued.Place != want[i] {
				t.Fatalf("certificate %d: got %q, %v, want %q", i, issued.Place, err, want[i])
			}
			if i++; i%2500 == 0 {
				most = max(most, heap())
			}
		}
		if i != len(want) {
			t.Errorf("got %d, want %d", i, len(want))
		}
		if most > before+8<<20 {
			t.Errorf("heap: %d bytes before, %d at most", before, most)
		}
	}
}

// BenchmarkAll is compared with BenchmarkMinimal: a program that reads and
// verifies the same files on all cores.
func BenchmarkAll(b *testing.B) {
	s, root := create(b)
	fill(b, s, root, 10_000)
	for b.Loop() {
		n := 0
		for _, err := range s.All(true) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
}

func BenchmarkMinimal(b *testing.B) {
	s, root := create(b)
	fill(b, s, root, 10_000)
	for b.Loop() {
		names, err := os.ReadDir(s.Path("issued"))
		if err != nil {
			b.Fatal(err)
		}
		for err := range ordered(names, func(holder os.DirEntry) error {
			dir := s.Path("issued/" + holder.Name())
			entries, err := os.ReadDir(dir)
			if err != nil {
				return err
			}
			place := dir + "/" + entries[len(entries)-1].Name()
			data, err := os.ReadFile(place + "/cert.pem")
			if err != nil {
				return err
			}
			about, err := os.ReadFile(place + "/about.json")
			if err != nil || !strings.Contains(string(about), "name") {
				return err
			}
			cert, err := ca.ParseCertificatePEM(data)
			if err != nil {
				return err
			}
			return cert.CheckSignatureFrom(root.Cert)
		}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestFaultsOfAHolderAreListed, with both kinds of lists, and the rest follow.
func TestFaultsOfAHolderAreListed(t *testing.T) {
	s, root := createLocked(t)
	for _, name := range []string{"a.local", "b.local", "c.local"} {
		issue(t, s, root, name)
	}
	mkdir(t, s.Path("issued/b.local"), 0o777)
	for _, newestOnly := range []bool{true, false} {
		var got []string
		for issued, err := range s.All(newestOnly) {
			got = append(got, fmt.Sprintf("%s %v", issued.Place[:len("issued/x.local")], isA[ModeError](err)))
		}
		if want := []string{"issued/a.local false", "issued/b.local true", "issued/c.local false"}; !slices.Equal(got, want) {
			t.Errorf("newest only %v: got %q, want %q", newestOnly, got, want)
		}
	}
}
