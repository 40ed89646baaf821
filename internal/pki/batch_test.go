package pki

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/fault"
)

func parse(t testing.TB, text string) *List {
	t.Helper()
	list, err := ParseList([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// texts are the faults that err joins.
func texts(err error) (all []string) {
	for _, one := range fault.Flatten(err) {
		all = append(all, one.Error())
	}
	return all
}

// batchRun is one run of issue --from.
type batchRun struct {
	signers int
	options Options
	request Request
}

// run returns the batch and the names that were issued, in the order in which they
// were reported.
func (r batchRun) run(a authority, ctx context.Context, text string) (b *Batch, issued []string, err error) {
	a.t.Helper()
	list := parse(a.t, text)
	c, err := Open(a.dir, r.options)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if b, err = c.PlanBatch(list, r.request, start, func(BatchRow) {}); err != nil {
		return b, nil, err
	}
	if r.signers > 0 {
		b.signers = r.signers
	}
	var s *Session
	if b.Ready > 0 {
		if s, err = c.Session(a.t.Context(), start, noPassphrase, nobodyWaits(a.t)); err != nil {
			return b, nil, err
		}
		defer s.Close()
	}
	err = b.Issue(ctx, s, start, nobodyWaits(a.t), func(row BatchRow) {
		if !row.Before() {
			issued = append(issued, row.Plan.Name())
		}
	})
	return b, issued, err
}

func listOf(n int) (text string, names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("d%d.local", i))
	}
	return strings.Join(names, "\n"), names
}

func TestListOfEveryForm(t *testing.T) {
	want := []row{{line: 2, name: "a.local", ip: "192.168.1.2"}, {line: 3, name: "b.local", names: "c.local d.local", days: "90"}}
	for what, text := range map[string]string{
		"plain":       "name,ip,names,days\na.local,192.168.1.2\nb.local,,c.local d.local,90\n",
		"BOM, CRLF":   "\xef\xbb\xbfname,ip,names,days\r\na.local,192.168.1.2,,\r\nb.local,,c.local d.local,90\r\n",
		"quotes":      "\"Name\", IP, \"names\",days\n\"a.local\",192.168.1.2,,\nb.local,,\"c.local d.local\",90",
		"semicolons":  "name;ip;names;days\na.local;192.168.1.2;;\nb.local;;c.local d.local;90\n",
		"tabs":        "name\tip\tnames\tdays\na.local\t192.168.1.2\nb.local\t\tc.local d.local\t90\n",
		"empty lines": "name,ip,names,days\na.local,192.168.1.2\nb.local,,c.local d.local,90\n,,,\n\n# a comment\n",
	} {
		if got := parse(t, text).rows; !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	for _, text := range []string{"a.local\nb.local\n", "name\na.local\nb.local\n", "# mine\n\n \"a.local\"\nb.local"} {
		if list := parse(t, strings.ReplaceAll(text, ` "`, `"`)); list.Rows() != 2 || list.rows[0].name != "a.local" || list.rows[1].name != "b.local" {
			t.Errorf("%q: got %+v", text, list.rows)
		}
	}
	if parse(t, "a.local").ID == parse(t, "a.local\n").ID {
		t.Error("two lists have one ID")
	}
}

func TestListThatCannotBeRead(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                     {"list has no names"},
		"name,ip\n,,\n":                        {"list has no names"},
		"\xff\xfen\x00a\x00":                   {"list is encoded in UTF-16"},
		"a.local\nb\xfc.local":                 {"line 2: text is not encoded in UTF-8"},
		"a.local,192.168.1.2\n":                {"line 1: first line is no header, and has more than one cell"},
		"names,ip\na,b":                        {"line 1: column name is missing"},
		"name,Adress,ip,,ip\na":                {`line 1: unknown column "Adress"`, `line 1: unknown column ""`, `line 1: column "ip" is there twice`},
		"a\n" + strings.Repeat("b\n", MaxRows): {"list has more than 100000 rows"},
	} {
		_, err := ParseList([]byte(text))
		if got := texts(err); !slices.Equal(got, want) || fault.HintOf(err).IsZero() {
			t.Errorf("%.40q: got %q, want %q with a hint", text, got, want)
		}
	}
	if _, err := ParseList(make([]byte, MaxListBytes+1)); err == nil {
		t.Error("a list of any size is read")
	}
	if n := parse(t, "a\n"+strings.Repeat("b\n", MaxRows-1)).Rows(); n != MaxRows {
		t.Errorf("got %d rows, want %d", n, MaxRows)
	}
}

func TestAllFaultsOfAListComeAtOnce(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "taken.local")}, start)
	text := `name,names,ip,for,key,days
ok.local,,,,,
bad name,ok.local also/bad,,,,
taken.local,,,,,
x.example.com,,,nosuch,dsa,0
y.local,,1.2.3,,,many
ok.local,,,,,
OK.local,,,,p256,
,z.local,,,,
w.local,,,,,,,
"v.local
`
	want := []string{
		`line 3: name "bad name" has a space`,
		`line 3: name "also/bad" `,
		`line 4: taken.local has a certificate that is valid until`,
		`line 5: device "nosuch" `,
		`line 5: `, `line 5: `,
		`line 6: "1.2.3" is not an IP address`, `line 6: name "1.2.3" `, `line 6: days "many" is not a whole number`,
		`line 7: name "ok.local" is on line 2 already`,
		`line 8: name "OK.local" is on line 2 already, with other settings`,
		`line 9: name is missing`,
		`line 10: has more cells than the header`,
		`line 11: has a quotation mark in the wrong place`,
	}
	a.use(func(c *CA) {
		_, err := c.PlanBatch(parse(t, text), Request{}, start, func(BatchRow) {})
		got := texts(err)
		for i, one := range got {
			if i >= len(want) || !strings.HasPrefix(one, want[i]) {
				t.Errorf("got %q, want the beginning of one of %q", one, want)
			}
		}
		if len(got) != len(want) || fault.CodeOf(err) != fault.Failed {
			t.Errorf("got %d faults and exit code %d, want %d and 1", len(got), fault.CodeOf(err), len(want))
		}
		_, err = c.PlanBatch(parse(t, strings.Repeat("bad name\n", 1000)), Request{}, start, func(BatchRow) {})
		if got := texts(err); len(got) != maxFaults+1 || got[maxFaults] != "list has 980 more faults" {
			t.Errorf("got %d faults, the last %q", len(got), got[len(got)-1])
		}
	})
	if entries, err := filepath.Glob("*"); err != nil || !slices.Equal(entries, []string{"ca", "taken.local"}) {
		t.Errorf("got %q, want nothing new", entries)
	}
}

func TestBatchIssuesInTheOrderOfTheList(t *testing.T) {
	a := newAuthority(t, "")
	text, want := listOf(40)
	b, got, err := batchRun{request: Request{Out: "out", Days: 90, For: target(t, "computer")}}.run(a, t.Context(), text)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	for _, name := range want {
		loads(t, filepath.Join("out", name))
		if issued := a.latest(name); issued.Record.Batch != b.list.ID || daysOf(&issued) != 90 {
			t.Errorf("%s: got %+v, want the list's ID, and 90 days", name, issued.Record)
		}
	}
	b, got, err = batchRun{request: Request{Out: "out", For: target(t, "computer")}}.run(a, t.Context(), text)
	if err != nil || got != nil || b.Before != 40 || b.Ready+b.Unwritten+b.Ended != 0 {
		t.Errorf("again: got %q, %v, %+v, want nothing", got, err, b)
	}
	// A list with one more line is another list.
	if _, _, err = (batchRun{}).run(a, t.Context(), text+"\nnew.local"); len(texts(err)) != maxFaults+1 {
		t.Errorf("another list: got %v, want a fault for each name", err)
	}
}

func TestRowsDecideAndDefaultsFillIn(t *testing.T) {
	a := newAuthority(t, "")
	text := "name,names,ip,for,key,days\na.local,b.local;c.local,10.0.0.2 10.0.0.3,synology,rsa-2048,30\nd.local\n"
	if _, _, err := (batchRun{request: Request{For: target(t, "esp32/micropython"), Days: 60}}).run(a, t.Context(), text); err != nil {
		t.Fatal(err)
	}
	issued := a.latest("a.local")
	if got, want := ca.NamesOf(issued.Leaf), []string{"a.local", "b.local", "c.local", "10.0.0.2", "10.0.0.3"}; !slices.Equal(got, want) ||
		issued.Record.For != "synology" || keyOf(issued) != "rsa-2048" || daysOf(&issued) != 30 {
		t.Errorf("got %q, %+v, want %q for synology", got, issued.Record, want)
	}
	if issued := a.latest("d.local"); issued.Record.For != "esp32/micropython" || keyOf(issued) != "p256" || daysOf(&issued) != 60 {
		t.Errorf("got %+v, want the defaults", issued.Record)
	}
}

func TestP12OfAListNeedsOnePassphrase(t *testing.T) {
	a := newAuthority(t, "")
	_, _, err := batchRun{}.run(a, t.Context(), "name,for\na.local,jellyfin\n")
	if _, ok := errors.AsType[*noPassphraseError](err); !ok {
		t.Errorf("got %v, want a noPassphraseError", err)
	}
}

// TestMissingFilesAreWrittenAgain: also those of a single file, but nothing over what
// others wrote there, and nothing of a revoked certificate.
func TestMissingFilesAreWrittenAgain(t *testing.T) {
	a := newAuthority(t, "")
	text, _ := listOf(3)
	run := func() (*Batch, error) {
		b, issued, err := batchRun{request: Request{Out: "out", For: target(t, "computer")}}.run(a, t.Context(), text)
		if issued != nil {
			t.Errorf("issued again: %q", issued)
		}
		return b, err
	}
	if _, _, err := (batchRun{request: Request{Out: "out", For: target(t, "computer")}}).run(a, t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll("out/d0.local"), os.Remove("out/d1.local/key.pem")); err != nil {
		t.Fatal(err)
	}
	b, err := run()
	if err != nil || b.Unwritten != 2 {
		t.Errorf("got %v, %+v, want 2 without files", err, b)
	}
	loads(t, "out/d0.local")
	loads(t, "out/d1.local")
	if err := errors.Join(os.Remove("out/d1.local/key.pem"), os.WriteFile("out/d1.local/cert.pem", []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := run(); err == nil {
		t.Error("a file that is not picoca's was replaced")
	}
	if data, err := os.ReadFile("out/d1.local/cert.pem"); string(data) != "mine" {
		t.Errorf("got %q, %v, want what was there", data, err)
	}
}

func TestInterruptedBatchContinues(t *testing.T) {
	a := newAuthority(t, "")
	text, names := listOf(60)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, first, err := batchRun{}.run(a, ctx, text)
	stopped, ok := errors.AsType[*BatchError](err)
	if !ok || stopped.Done != len(first) || len(first) == 0 || len(first) == 60 {
		t.Fatalf("got %d issued and %v, want a BatchError with some", len(first), err)
	}
	b, second, err := batchRun{}.run(a, t.Context(), text)
	if err != nil || b.Before != len(first) || !slices.Equal(append(first, second...), names) {
		t.Errorf("got %d and then %d, %v, want all 60", len(first), len(second), err)
	}
}

// TestBatchSurvivesAFaultAtEachStep lets the disk be full, or the process end, at
// each operation: what was reported is in the store, and the same command brings
// everything to its end. A usual run takes each fifth operation, others for either
// fault; make test-all takes every one.
func TestBatchSurvivesAFaultAtEachStep(t *testing.T) {
	stride := 5
	if os.Getenv("PICOCA_TEST_ALL") != "" {
		stride = 1
	}
	for what, cause := range map[string]error{"full": syscall.ENOSPC, "killed": nil} {
		t.Run(what, func(t *testing.T) {
			reached, first := true, 1+len(what)%stride
			for at := first; reached; at += stride {
				reached = batchWithFault(t, &faultdisk.Plan{At: at, Err: cause, ForGood: cause != nil, NoSync: true})
			}
		})
	}
}

func batchWithFault(t *testing.T, plan *faultdisk.Plan) (reached bool) {
	a := newAuthority(t, "")
	text, names := listOf(2)
	var first []string
	err, killed := plan.Run(func() (err error) {
		_, first, err = batchRun{1, Options{Wrap: plan.Wrap}, Request{Out: "out", For: target(t, "computer")}}.run(a, t.Context(), text)
		return err
	})
	if plan.Reached() && err == nil && !killed {
		t.Logf("operation %d may fail", plan.At)
	}
	for _, name := range first {
		a.latest(name)
		loads(t, filepath.Join("out", name))
	}
	if _, _, err := (batchRun{1, Options{}, Request{Out: "out", For: target(t, "computer")}}).run(a, t.Context(), text); err != nil {
		t.Fatalf("after operation %d: %v", plan.At, err)
	}
	for _, name := range names {
		if issued := a.latest(name); issued.Number() != 1 {
			t.Errorf("after operation %d: %s has %d certificates", plan.At, name, issued.Number())
		}
		loads(t, filepath.Join("out", name))
	}
	for _, where := range []string{"out/.*", "out/*/.*", "ca/.picoca*", "ca/issued/.*", "ca/issued/*/.*"} {
		if left, err := filepath.Glob(where); err != nil || len(left) > 0 {
			t.Errorf("after operation %d: left %q, %v", plan.At, left, err)
		}
	}
	return plan.Reached()
}

func TestFolderThatCannotBeMade(t *testing.T) {
	a := newAuthority(t, "")
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{"none/out", "file", "ca/out"} {
		if _, _, err := (batchRun{request: Request{Out: out}}).run(a, t.Context(), "a.local"); err == nil || fault.HintOf(err).IsZero() {
			t.Errorf("%s: got %v, want an error with a hint", out, err)
		}
	}
	if _, err := os.Lstat("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none exists (%v)", err)
	}
}

// TestExistingCertificatesAreCompared: each setting that a list or its flags ask
// for, and a certificate of the same list does not have, is named, with the command
// that changes it.
func TestExistingCertificatesAreCompared(t *testing.T) {
	a := newAuthority(t, "")
	list := "a.local"
	if _, _, err := (batchRun{request: Request{Out: "out"}}).run(a, t.Context(), list); err != nil {
		t.Fatal(err)
	}
	yes := true
	for what, row := range map[string]struct {
		request Request
		want    string
	}{
		"nothing":   {Request{Out: "out"}, ""},
		"default":   {Request{Out: "out", Days: ca.DefaultLeafDays, Key: ca.P256}, ""},
		"days":      {Request{Out: "out", Days: 30}, "renew a.local --days 30"},
		"key":       {Request{Out: "out", Key: ca.RSA2048}, "renew a.local --key rsa-2048"},
		"device":    {Request{Out: "out", For: target(t, "synology"), Days: 30}, "renew a.local --for synology --days 30"},
		"clock":     {Request{Out: "out", BoardClock: &yes}, "renew a.local --board-clock=true"},
		"identity":  {Request{Out: "out", AndClient: &yes}, "renew a.local --and-client=true"},
		"folder":    {Request{Out: "new"}, "export a.local --out " + filepath.Join("new", "a.local")},
		"and more":  {Request{Out: "new", Days: 30}, "renew a.local --days 30 --out " + filepath.Join("new", "a.local")},
		"same path": {Request{Out: "new/../out"}, ""},
	} {
		a.use(func(c *CA) {
			rows := 0
			_, err := c.PlanBatch(parse(t, list), row.request, start, func(r BatchRow) {
				rows++
				if got := strings.Join(r.Differs.Replace, " "); !r.Before() || len(r.Differs.Settings) > 0 && got != row.want || len(r.Differs.Settings) == 0 && row.want != "" {
					t.Errorf("%s: got %q, want %q", what, got, row.want)
				}
			})
			if err != nil || rows != 1 {
				t.Errorf("%s: got %d rows, %v", what, rows, err)
			}
		})
	}
}

func TestNamesWithValidCertificatesAreLeftOut(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "old.local", "10.0.0.2")}, start)
	a.mustIssue(Request{Names: names(t, "lost.local")}, start)
	a.use(func(c *CA) {
		if _, err := c.Revoke(t.Context(), RevokeRequest{Target: "lost.local"}, start, noPassphrase, nobodyWaits(t)); err != nil {
			t.Error(err)
		}
	})
	request := Request{Out: "out", SkipValid: true}
	b, got, err := batchRun{request: request}.run(a, t.Context(), "old.local\nlost.local\nnew.local")
	if want := []string{"lost.local", "new.local"}; err != nil || !slices.Equal(got, want) || b.Skipped != 1 {
		t.Errorf("got %q, %v, %d left out, want %q", got, err, b.Skipped, want)
	}
	if _, err := os.Lstat("out/old.local"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("files of a name that was left out: %v", err)
	}
	if b, got, err = (batchRun{request: request}).run(a, t.Context(), "old.local\nlost.local\nnew.local"); err != nil || got != nil || b.Before != 2 || b.Skipped != 1 {
		t.Errorf("again: got %q, %v, %+v, want nothing", got, err, b)
	}
	a.use(func(c *CA) { // renew old.local would not take its address away
		if _, err := c.PlanBatch(parse(t, "old.local"), request, start, func(r BatchRow) {
			if len(r.Differs.Settings) > 0 {
				t.Errorf("old.local: got differences %q, want none", r.Differs.Settings)
			}
		}); err != nil {
			t.Error(err)
		}
	})
}
