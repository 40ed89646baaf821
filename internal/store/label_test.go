package store

import (
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

var fileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestLabelStemIsAFileNameEverywhere(t *testing.T) {
	for label, want := range map[string]string{
		"kitchen-tablet":          "kitchen-tablet",
		"Küchen/Tablet №2":        "kuchen-tablet-no2",
		"../../etc/passwd":        "etc-passwd",
		"平板":                      "client",
		"平板 2":                    "2",
		"a  --  b":                "a-b",
		strings.Repeat("x", 64):   strings.Repeat("x", 40),
		"; rm -rf / && $(reboot)": "rm-rf-reboot",
		"Straße":                  "stra-e",
	} {
		got := LabelStem(label)
		if got != want || !fileName.MatchString(got) {
			t.Errorf("%q: got %q, want %q", label, got, want)
		}
	}
}

// TestLabelsHaveFoldersOfTheirOwn: not even those that look alike to a file
// system share one, and none is a device's.
func TestLabelsHaveFoldersOfTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for _, label := range []string{"tablet", "Tablet", "tablet!", "tablet ", "ta blet", "平板", "板平", strings.Repeat("x", 63), strings.Repeat("x", 64)} {
		dir := strings.ToLower(clientFolder(label))
		if seen[dir] != "" {
			t.Errorf("%q and %q share %s", label, seen[dir], dir)
		}
		seen[dir] = label
		if base := path.Base(dir); path.Dir(dir) != "issued" || len(base) > 80 || !strings.HasPrefix(base, "client_") {
			t.Errorf("%q: folder is %q", label, dir)
		}
	}
	if _, err := ca.ParseNames([]string{"client_tablet_0123456789abcdef"}); err == nil {
		t.Error("a device can have the name of an identity's folder")
	}
}

// TestPutClientIsFoundByItsLabel, and by nothing else.
func TestPutClientIsFoundByItsLabel(t *testing.T) {
	key, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	root, err := ca.NewRoot(ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: ca.HomeConstraints()}, key, now)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Create(t.Context(), path.Join(dir, "s"), root, key, nil, func(string) {}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	about := About{Name: "Küche/Tablet", Kind: KindClient, Serial: "0123456789abcdef", NotBefore: now, NotAfter: now.AddDate(2, 0, 0)}
	for range 2 { // the second stands for a renewal
		if _, err := s.Put(about, root, key); err != nil {
			t.Fatal(err)
		}
	}
	issued, err := s.LatestClient("Küche/Tablet")
	if err != nil || !strings.Contains(issued.Place(), "/000002-") {
		t.Fatalf("got %v, %v", issued, err)
	}
	if got, err := s.About(issued); err != nil || got.Name != about.Name || got.Kind != KindClient {
		t.Errorf("about: got %+v, %v", got, err)
	}
	for _, other := range []string{"küche/tablet", "Küche-Tablet"} {
		if _, err := s.LatestClient(other); !errors.Is(err, ErrNotIssued) {
			t.Errorf("%q: got %v", other, err)
		}
	}
	if _, err := s.Latest("Küche/Tablet"); !errors.Is(err, ErrNotIssued) {
		t.Errorf("as a device: got %v", err)
	}
	count := 0
	for about, err := range s.All(true) {
		if err != nil || about.Name != "Küche/Tablet" {
			t.Errorf("All: got %+v, %v", about, err)
		}
		count++
	}
	if count != 1 {
		t.Errorf("All yields %d, want the newest alone", count)
	}
}
