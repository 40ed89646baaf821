package device

import (
	"errors"
	"slices"
	"testing"
)

func target(t testing.TB, text string) *Target {
	t.Helper()
	parsed, err := ParseTarget(text)
	if err != nil {
		t.Fatal(err)
	}
	return &parsed
}

// limitsOf takes what Fits says apart.
func limitsOf(t testing.TB, err error) []Limit {
	t.Helper()
	if err == nil {
		return nil
	}
	var limits []Limit
	for _, fault := range err.(interface{ Unwrap() []error }).Unwrap() {
		misfit, ok := errors.AsType[*MisfitError](fault)
		if !ok {
			t.Fatalf("fault %v is a %T", fault, fault)
		}
		limits = append(limits, misfit.Limit)
	}
	return limits
}

func TestCertificateFitsOrEachLimitIsReported(t *testing.T) {
	for _, row := range []struct {
		target       string
		key, rootKey string
		bytes        int
		force        bool
		want         []Limit
	}{
		{"pico-w", "p256", "p256", 400, false, nil},
		{"pico-w", "rsa-2048", "p256", 700, false, nil},
		{"pico-w", "p256", "rsa-4096", 900, false, nil},
		{"pico-w", "p256", "p256", 0, false, nil}, // not made yet
		{"pico-w", "p256", "p256", 4086, false, nil},
		{"pico-w", "p256", "p256", 4087, false, []Limit{LimitBytes}},
		{"pico-w", "p256", "p256", 4087, true, []Limit{LimitBytes}},
		{"pico-w", "rsa-4096", "p256", 900, false, []Limit{LimitNotRecommended}},
		{"pico-w", "rsa-4096", "p256", 900, true, nil},
		{"pico-w", "p384", "p256", 500, false, []Limit{LimitNotRecommended}},
		{"pico-w", "ed25519", "p256", 400, false, []Limit{LimitKey}},
		{"pico-w", "ed25519", "p256", 400, true, []Limit{LimitKey}},
		{"pico-w", "", "", 0, false, []Limit{LimitKey}},
		{"pico-w", "rsa-4096", "p256", 5000, false, []Limit{LimitNotRecommended, LimitBytes}},
		{"esp8266/micropython", "rsa-2048", "rsa-2048", 900, false, nil},
		{"esp8266/micropython", "rsa-2048", "rsa-4096", 900, false, nil},
		{"esp8266/micropython", "rsa-2048", "p256", 700, false, []Limit{LimitRoot}},
		{"esp8266/micropython", "rsa-2048", "p256", 700, true, []Limit{LimitRoot}},
		{"esp8266/micropython", "p256", "p256", 400, false, []Limit{LimitKey, LimitRoot}},
		{"esp8266/micropython", "p256", "p256", 5000, true, []Limit{LimitKey, LimitRoot, LimitBytes}},
		{"computer", "p256", "p256", 60000, false, nil},
		{"computer", "rsa-3072", "p256", 900, false, nil},
		{"computer", "rsa-4096", "p256", 900, false, []Limit{LimitNotRecommended}},
		{"esp8266/arduino", "p256", "p256", 400, false, nil},
		{"pico-w/arduino", "p256", "p256", 400, false, nil},
	} {
		err := target(t, row.target).Fits(Certificate{row.key, row.rootKey, row.bytes, 1}, row.force)
		if got := limitsOf(t, err); !slices.Equal(got, row.want) {
			t.Errorf("%+v: got %q: %v", row, got, err)
		}
	}
}

func TestMisfitHasFiguresAndWhatHelps(t *testing.T) {
	for _, row := range []struct {
		target  string
		c       Certificate
		text    string
		instead string
	}{
		{"pico-w", Certificate{"rsa-4096", "p256", 900, 1},
			`Raspberry Pi Pico W would need 41.5 KB of heap and 26 s per connection in MicroPython with key type "rsa-4096"`, "p256"},
		{"pico-w", Certificate{"p384", "p256", 400, 1},
			`Raspberry Pi Pico W has no benefit from key type "p384", which costs more than p256: 27.4 KB of heap and 0.7 s per connection in MicroPython`, "p256"},
		{"pico-w", Certificate{"ed25519", "p256", 900, 1}, `Raspberry Pi Pico W does not load a key of type "ed25519"`, "p256"},
		{"esp8266/micropython", Certificate{"p256", "rsa-2048", 900, 1}, `Espressif ESP8266 with MicroPython does not load a key of type "p256"`, "rsa-2048"},
		{"esp8266/micropython", Certificate{"rsa-2048", "p256", 900, 1},
			`Espressif ESP8266 with MicroPython does not load a certificate that a root of type "p256" signed; it takes rsa-2048, rsa-3072, rsa-4096`, ""},
		{"pico-w", Certificate{"p256", "p256", 20000, 1},
			"Raspberry Pi Pico W serves at most 4086 bytes of certificate; this one would have 20000", ""},
		{"computer", Certificate{"rsa-4096", "p256", 900, 1},
			`any computer has no benefit from key type "rsa-4096", which costs more than p256`, "p256"},
	} {
		err := target(t, row.target).Fits(row.c, false)
		misfit, ok := errors.AsType[*MisfitError](err)
		if !ok {
			t.Errorf("%s, %+v: got %v", row.target, row.c, err)
			continue
		}
		if misfit.Error() != row.text || misfit.Instead != row.instead || misfit.Target.String() != row.target {
			t.Errorf("%s, %+v: got %v (instead %q), want %q (instead %q)", row.target, row.c, err, misfit.Instead, row.text, row.instead)
		}
	}
}

func TestSecondsHaveNoMoreDigitsThanAMeasurement(t *testing.T) {
	for s, want := range map[float64]string{
		0.52: "0.5 s", 1: "1.0 s", 3.4: "3.4 s", 9.94: "9.9 s", 9.96: "10 s", 10: "10 s", 12.3: "12 s", 26: "26 s", 99.5: "100 s",
	} {
		if got := Seconds(s); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
}
