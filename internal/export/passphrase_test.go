package export

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

var generated = regexp.MustCompile(`^[a-z]{6}-[a-z]{6}-[a-z]{6}$`)

func TestNewPassphraseIsTypable(t *testing.T) {
	seen := map[string]bool{}
	used := map[rune]bool{}
	for range 500 {
		p, err := NewPassphrase()
		if err != nil {
			t.Fatal(err)
		}
		if !generated.MatchString(p) || strings.ContainsAny(p, "ilo") || seen[p] {
			t.Fatalf("passphrase %q", p)
		}
		seen[p] = true
		for _, r := range p {
			used[r] = true
		}
		if err := CheckPassphrase(p, true); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	// 9,000 letters drawn from 23: that one of them never comes has a chance
	// of 1 in 10^172.
	if len(used) != 23+1 {
		t.Errorf("letters and hyphen: got %d, want 24", len(used))
	}
}

func TestPassphraseBits(t *testing.T) {
	for _, row := range []struct {
		passphrase string
		low, high  float64
	}{
		{"", 0, 0},
		{"changeit", 37, 39},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 6},
		{"abcdefghijklmnopqrstuvwxyz", 0, 20},
		{"zyxwvutsrqponmlkjihgfedcba9876543210", 0, 80},
		{"12345678901234567890", 0, 14},
		{"changeitchangeitchangeitchangeit", 37, 39},
		{"kqwzephrmnbaxvtcyj", 84, 86},
		{"kqwzep-hrmnba-xvtcyj", 110, 119},
		{"K7#pQ2!xW9$z", 76, 80},
		{"K7#pQ2!xW9$zM", 84, 87},
	} {
		if got := PassphraseBits(row.passphrase); got < row.low || got > row.high {
			t.Errorf("%q: got %.1f bits, want %.0f to %.0f", row.passphrase, got, row.low, row.high)
		}
	}
}

func TestCheckPassphrase(t *testing.T) {
	if err := CheckPassphrase("changeit", false); err != nil {
		t.Errorf("trust store: %v", err)
	}
	var weak WeakPassphraseError
	if err := CheckPassphrase("changeit", true); !errors.As(err, &weak) || weak.Bits > 39 {
		t.Errorf("changeit: got %v", err)
	}
	for _, bad := range []string{"", "kqwzep-hrmnba-xvtcyj-ü", "kqwzep-hrmnba\txvtcyj", "kqwzep-hrmnba-xvtcyj\xff"} {
		for _, protects := range []bool{true, false} {
			var fault PassphraseError
			err := CheckPassphrase(bad, protects)
			if !errors.As(err, &fault) || bad != "" && strings.Contains(err.Error(), "kqwzep") {
				t.Errorf("%q: got %v", bad, err)
			}
		}
	}
}
