package cli

import (
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/pki"
)

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
