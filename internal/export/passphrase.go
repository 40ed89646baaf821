package export

import (
	"crypto/rand"
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode"

	"github.com/picoca/picoca/internal/fault"
)

// MinPassphraseBits is the least strength of a passphrase that a key may leave
// the house under: a thief of the file can try as many as he likes.
const MinPassphraseBits = 80

// letters are those of the alphabet that are not taken for another letter or a
// digit. There are no digits and capitals among them: on a phone's keyboard
// each would cost a tap more.
const letters = "abcdefghjkmnpqrstuvwxyz"

// A passphrase has as many groups of so many letters: 18 letters of 23 have 81
// bits.
const groups, groupLetters = 3, 6

// NewPassphrase returns a random passphrase of 81 bits in groups of letters,
// "kqwzep-hrmnba-xvtcyj", of which the hyphens are a part.
func NewPassphrase() (string, error) {
	var b strings.Builder
	for i := range groups * groupLetters {
		if i > 0 && i%groupLetters == 0 {
			b.WriteByte('-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return "", err
		}
		b.WriteByte(letters[n.Int64()])
	}
	return b.String(), nil
}

// pools are kinds of characters, with how many there are of each.
var pools = []struct {
	size int
	in   func(rune) bool
}{
	{26, func(r rune) bool { return 'a' <= r && r <= 'z' }},
	{26, func(r rune) bool { return 'A' <= r && r <= 'Z' }},
	{10, func(r rune) bool { return '0' <= r && r <= '9' }},
	{33, func(r rune) bool { return r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) }},
}

// PassphraseBits returns the most bits that a passphrase can have: those of
// characters drawn at random from the kinds that occur in it. What repeats the
// whole counts once, and what goes on a row such as 1234 or aaaa not at all. It
// shows that a passphrase is weak, never that one is strong: words count for
// more than they are worth.
func PassphraseBits(passphrase string) float64 {
	size := 0
	for _, pool := range pools {
		if strings.ContainsFunc(passphrase, pool.in) {
			size += pool.size
		}
	}
	counted, row := 0, 0
	text := []rune(unrepeated(passphrase))
	for i := range text {
		if row = rowAt(text, i, row); row < 3 {
			counted++
		}
	}
	return float64(counted) * math.Log2(float64(max(size, 1)))
}

// rowAt returns how many steps of a row, such as 1234, 4321 or aaaa, end at i,
// given how many end before.
func rowAt(text []rune, i, before int) int {
	if i == 0 {
		return 0
	}
	switch step := text[i] - text[i-1]; {
	case step < -1 || step > 1:
		return 0
	case before > 0 && step != text[i-1]-text[i-2]:
		return 1
	}
	return before + 1
}

// unrepeated returns the shortest text that s is repetitions of.
func unrepeated(s string) string {
	if i := strings.Index((s + s)[min(1, len(s)):], s); i >= 0 && s != "" {
		return s[:i+1]
	}
	return s
}

// PassphraseError says why a passphrase cannot protect a .p12. It does not
// hold the passphrase.
type PassphraseError struct{ Text string }

func (e PassphraseError) Error() string { return "passphrase of the .p12 " + e.Text }

// Hint says what can be typed everywhere.
func (e PassphraseError) Hint() fault.Hint {
	return fault.Hintf("use only ASCII letters, digits and punctuation on the first line of the file")
}

// CheckPassphrase checks a passphrase against what the readers of a .p12 take:
// visible ASCII, since they disagree about the encoding of everything else; and
// one that is to protect a key against MinPassphraseBits. The error is a
// PassphraseError or a WeakPassphraseError.
func CheckPassphrase(passphrase string, protects bool) error {
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	bits := PassphraseBits(passphrase)
	switch {
	case passphrase == "":
		return PassphraseError{"is empty"}
	case strings.ContainsFunc(passphrase, odd):
		return PassphraseError{"has a character outside printable ASCII, which phones and computers encode differently"}
	case protects && bits < MinPassphraseBits:
		return WeakPassphraseError{bits}
	}
	return nil
}

// WeakPassphraseError says that a passphrase has too few bits.
type WeakPassphraseError struct{ Bits float64 }

func (e WeakPassphraseError) Error() string {
	return fmt.Sprintf("passphrase of the .p12 is too weak: at most %.0f bits, at least %d are needed", math.Floor(e.Bits), MinPassphraseBits)
}

// Hint says how to get a stronger one.
func (e WeakPassphraseError) Hint() fault.Hint {
	return fault.Hintf("leave --p12-passphrase-file out for a strong one, or add --force: an attacker with the file can try passphrases at leisure")
}
