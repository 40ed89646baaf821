package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/pki"
)

func TestProgressIsALineEachSecond(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	c := &counter{w: &out, now: func() time.Time { now = now.Add(400 * time.Millisecond); return now }, what: "issued", all: 8, last: now}
	for range 8 {
		c.step()
	}
	if got, want := out.String(), "issued 3 of 8\nissued 6 of 8\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	(&counter{now: func() time.Time { t.Error("it looks at the clock"); return now }}).step() // no terminal
}

// TestListThatAnotherRunIssued, which held the lock when this run had read the list.
func TestListThatAnotherRunIssued(t *testing.T) {
	var out strings.Builder
	r := &batchReport{app: &app{Env: Env{Stdout: &out}}, rows: 2}
	batch := &pki.Batch{Ready: 2}
	for range r.rows {
		r.issued(pki.BatchRow{})
	}
	if err := r.end(batch); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "nothing to issue\nissued from this list before: 2 certificates\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
