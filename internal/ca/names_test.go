package ca_test

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
)

var (
	label63 = strings.Repeat("a", 63)
	name253 = strings.Join([]string{label63, label63, label63, strings.Repeat("b", 55), "local"}, ".")
)

// refused has what no certificate may name, with the fault that is reported.
var refused = []struct {
	input  string
	reason ca.Reason
}{
	{"", ca.ReasonEmpty},
	{"\xff\xfe.local", ca.ReasonUTF8},
	{"pico\xc3.local", ca.ReasonUTF8},
	{"pico.local\n", ca.ReasonControl},
	{"pico\r\n.local", ca.ReasonControl},
	{"pico\t.local", ca.ReasonControl},
	{"pico\x00.local", ca.ReasonControl},
	{"\x1b[31mpico.local", ca.ReasonControl},
	{"pico\x7f.local", ca.ReasonControl},
	{"pico\u0085.local", ca.ReasonControl},
	{"pico\u202elacol.", ca.ReasonControl}, // right-to-left override
	{"pi\u2066co.local", ca.ReasonControl}, // bidi isolate
	{"pi\u200bco.local", ca.ReasonControl}, // zero-width space
	{"pi\u200dco.local", ca.ReasonControl}, // zero-width joiner
	{"\ufeffpico.local", ca.ReasonControl}, // byte order mark
	{"pi\u2800co.local", ca.ReasonControl}, // blank Braille
	{"pi\u3164co.local", ca.ReasonControl}, // Hangul filler
	{"pico\ufe0f.local", ca.ReasonControl}, // variation selector
	{"pi\u00adco.local", ca.ReasonControl}, // soft hyphen
	{"a b.local", ca.ReasonSpace},
	{" pico.local", ca.ReasonSpace},
	{"pico.local ", ca.ReasonSpace},
	{"pico\u00a0w.local", ca.ReasonSpace},
	{"pico\u3000w.local", ca.ReasonSpace},
	{"../evil", ca.ReasonPath},
	{"/etc/passwd", ca.ReasonPath},
	{`..\evil`, ca.ReasonPath},
	{"https://pico.local", ca.ReasonPath},
	{"pico.local/", ca.ReasonPath},
	{"192.168.1.0/24", ca.ReasonPath},
	{"fe80::1%eth0", ca.ReasonZone},
	{"fe80::1%25eth0", ca.ReasonZone},
	{"pico%2elocal", ca.ReasonZone},
	{"[fe80::1]", ca.ReasonBrackets},
	{"[fe80::1]:443", ca.ReasonBrackets},
	{"pico.local:443", ca.ReasonPort},
	{"192.168.1.20:443", ca.ReasonPort},
	{"pico.local:", ca.ReasonPort},
	{"fe80::12345", ca.ReasonCharacter},
	{":", ca.ReasonCharacter},
	{"https:pico.local", ca.ReasonCharacter},
	{"me@pico.local", ca.ReasonCharacter},
	{"my_pico.local", ca.ReasonCharacter},
	{"_https.local", ca.ReasonCharacter},
	{"pico,local", ca.ReasonCharacter},
	{"pico.local;rm", ca.ReasonCharacter},
	{"$(id).local", ca.ReasonCharacter},
	{"'pico'.local", ca.ReasonCharacter},
	{"pico?.local", ca.ReasonCharacter},
	{"-x.local", ca.ReasonHyphen},
	{"x-.local", ca.ReasonHyphen},
	{"-", ca.ReasonHyphen},
	{"--days", ca.ReasonHyphen},
	{"pico.-.local", ca.ReasonHyphen},
	{"my--pico.local", ca.ReasonHyphen},
	{"xn--.local", ca.ReasonHyphen},
	{"xn--pico-.local", ca.ReasonHyphen},
	{"a..b", ca.ReasonEmptyLabel},
	{".local", ca.ReasonEmptyLabel},
	{".", ca.ReasonEmptyLabel},
	{"..", ca.ReasonEmptyLabel},
	{"pico.local..", ca.ReasonEmptyLabel},
	{"pico\u3002\u3002local", ca.ReasonEmptyLabel}, // ideographic full stops
	{"*.", ca.ReasonWildcard},
	{"*..local", ca.ReasonEmptyLabel},
	{strings.Repeat("a", 64) + ".local", ca.ReasonLongLabel},
	{strings.Repeat("a", 70) + ".local", ca.ReasonLongLabel},
	{strings.Repeat("ü", 60) + ".local", ca.ReasonLongLabel},      // 60 letters, more bytes in punycode
	{strings.Replace(name253, "bb", "bbb", 1), ca.ReasonLongName}, // 254 bytes,
	{"*." + name253, ca.ReasonLongName},
	{strings.Repeat("a.", 500) + "local", ca.ReasonLongName},
	{strings.Repeat("ü", 2000) + ".local", ca.ReasonLongName},
	{strings.Repeat("x y", 100000), ca.ReasonLongName},
	{"1.2.3", ca.ReasonNumeric},
	{"1.2.3.4.5", ca.ReasonNumeric},
	{"256.1.1.1", ca.ReasonNumeric},
	{"0x7f.1", ca.ReasonNumeric},
	{"0x7f000001", ca.ReasonNumeric},
	{"127.0x1", ca.ReasonNumeric},
	{"192.168.001.1", ca.ReasonNumeric},
	{"2130706433", ca.ReasonNumeric},
	{"pico.1", ca.ReasonNumeric},
	{"pico.0x", ca.ReasonNumeric},
	{"１９２.168.1.1", ca.ReasonNumeric}, // full-width digits
	{"xn--zzzzzz.local", ca.ReasonIDNA},
	{"xn--a.local", ca.ReasonIDNA},
	{"xn--\u00fc.local", ca.ReasonIDNA},
	{"1א.local", ca.ReasonIDNA},         // bidi rule: a digit before a Hebrew letter
	{"\u0300pico.local", ca.ReasonIDNA}, // begins with a combining accent
	{"℀.local", ca.ReasonIDNA},          // maps to a/c
	{"pico／evil.local", ca.ReasonIDNA},
	{"＊.local", ca.ReasonIDNA},
	{"*", ca.ReasonWildcard},
	{"a.*.local", ca.ReasonWildcard},
	{"*.*.local", ca.ReasonWildcard},
	{"**.pico.local", ca.ReasonWildcard},
	{"p*.local", ca.ReasonWildcard},
	{"*pico.local", ca.ReasonWildcard},
	{"*.local", ca.ReasonBroad},
	{"*.LOCAL.", ca.ReasonBroad},
	{"*.lan", ca.ReasonBroad},
	{"*.localhost", ca.ReasonBroad},
	{"*.home.arpa", ca.ReasonBroad},
	{"*.com", ca.ReasonBroad},
	{"*.co.uk", ca.ReasonBroad},
	{"*.github.io", ca.ReasonBroad},
	{"*.kawasaki.jp", ca.ReasonBroad}, // a wildcard on the list itself
	{"0.0.0.0", ca.ReasonAddress},
	{"::", ca.ReasonAddress},
	{"::ffff:0.0.0.0", ca.ReasonAddress},
	{"224.0.0.1", ca.ReasonAddress},
	{"224.0.0.251", ca.ReasonAddress}, // mDNS
	{"ff02::fb", ca.ReasonAddress},
	{"255.255.255.255", ca.ReasonAddress},
	{"::ffff:255.255.255.255", ca.ReasonAddress},
}

func TestUnusableNameIsRefusedWithItsReason(t *testing.T) {
	for _, row := range refused {
		names, err := ca.ParseNames([]string{row.input})
		fault, ok := errors.AsType[*ca.NameError](err)
		if !ok {
			t.Errorf("name %q: got %q and error %v, want reason %s", row.input, names.Strings(), err, row.reason)
			continue
		}
		if fault.Reason != row.reason || fault.Input != row.input {
			t.Errorf("name %q: got reason %s of %q, want %s", row.input, fault.Reason, fault.Input, row.reason)
		}
		if len(names.All()) != 0 {
			t.Errorf("name %q: refused, and %q returned", row.input, names.Strings())
		}
		checkPrintable(t, fault.Error())
	}
}

// checkPrintable checks an error that quotes its input against what a terminal
// could be made to do.
func checkPrintable(t testing.TB, text string) {
	t.Helper()
	odd := func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\u202e' || r == '\u200b'
	}
	if strings.ContainsFunc(text, odd) || !utf8.ValidString(text) {
		t.Errorf("error %q would reach the terminal raw", text)
	}
}

// accepted has names as people write them, as they stand in the certificate,
// and as people are shown them.
var accepted = []struct{ input, name, display string }{
	{"pico.local", "pico.local", "pico.local"},
	{"PICO.Local", "pico.local", "pico.local"},
	{"pico.local.", "pico.local", "pico.local"},
	{"a.b.c.d.pico.local", "a.b.c.d.pico.local", "a.b.c.d.pico.local"},
	{"pico", "pico", "pico"},
	{"x", "x", "x"},
	{"1pico.local", "1pico.local", "1pico.local"},
	{"192.local", "192.local", "192.local"},
	{"0x7f.local", "0x7f.local", "0x7f.local"},
	{"a-b---c.local", "a-b---c.local", "a-b---c.local"},
	{label63 + ".local", label63 + ".local", label63 + ".local"},
	{name253, name253, name253},
	{name253 + ".", name253, name253},
	{"*.pico.local", "*.pico.local", "*.pico.local"},
	{"*.PICO.home.arpa.", "*.pico.home.arpa", "*.pico.home.arpa"},
	{"büro.local", "xn--bro-hoa.local", "büro.local (xn--bro-hoa.local)"},
	{"BÜRO.local", "xn--bro-hoa.local", "büro.local (xn--bro-hoa.local)"},
	{"bu\u0308ro.local", "xn--bro-hoa.local", "büro.local (xn--bro-hoa.local)"}, // decomposed, as macOS writes it
	{"xn--bro-hoa.local", "xn--bro-hoa.local", "büro.local (xn--bro-hoa.local)"},
	{"XN--BRO-HOA.LOCAL", "xn--bro-hoa.local", "büro.local (xn--bro-hoa.local)"},
	{"*.büro.local", "*.xn--bro-hoa.local", "*.büro.local (*.xn--bro-hoa.local)"},
	{"straße.local", "xn--strae-oqa.local", "straße.local (xn--strae-oqa.local)"}, // not strasse: non-transitional
	{"кухня.local", "xn--j1agri5c.local", "кухня.local (xn--j1agri5c.local)"},
	{"台所.local", "xn--kpry64a.local", "台所.local (xn--kpry64a.local)"},
	{"מטבח.local", "xn--5dbmbx.local", "מטבח.local (xn--5dbmbx.local)"},
	{"pico。local", "pico.local", "pico.local"}, // an ideographic full stop
	{"ｐｉｃｏ.local", "pico.local", "pico.local"}, // full width
	{"İ.local", "xn--i-9bb.local", "i\u0307.local (xn--i-9bb.local)"},
	{"\u212apico.local", "kpico.local", "kpico.local"}, // Kelvin sign
	{"🍓.local", "xn--ti8h.local", "🍓.local (xn--ti8h.local)"},
	{"192.168.1.20", "192.168.1.20", "192.168.1.20"},
	{"::ffff:192.168.1.1", "192.168.1.1", "192.168.1.1"},
	{"fd00::1", "fd00::1", "fd00::1"},
	{"FD00:0:0:0:0:0:0:1", "fd00::1", "fd00::1"},
	{"fe80::1", "fe80::1", "fe80::1"},
	{"::1", "::1", "::1"},
	{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
	// Names are no matter of constraints here: that is the authority's.
	{"example.com", "example.com", "example.com"},
	{"8.8.8.8", "8.8.8.8", "8.8.8.8"},
}

func TestNameIsPutInCanonicalForm(t *testing.T) {
	for _, row := range accepted {
		names, err := ca.ParseNames([]string{row.input})
		if err != nil {
			t.Errorf("name %q: %v", row.input, err)
			continue
		}
		if got := names.First().String(); got != row.name {
			t.Errorf("name %q: got %q, want %q", row.input, got, row.name)
		}
		if got := names.First().Display(); got != row.display {
			t.Errorf("name %q: display %q, want %q", row.input, got, row.display)
		}
	}
}

func TestNameWrittenTwiceStandsOnce(t *testing.T) {
	names := parse(t, "pico.local", "192.168.1.20", "PICO.local.", "büro.local", "::ffff:192.168.1.20", "xn--bro-hoa.local")
	want := []string{"pico.local", "192.168.1.20", "xn--bro-hoa.local"}
	if got := names.Strings(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := names.First().String(); got != "pico.local" {
		t.Errorf("first name: got %q, want %q", got, "pico.local")
	}
}

func TestAllFaultsOfNamesComeAtOnce(t *testing.T) {
	names, err := ca.ParseNames([]string{"a b.local", "pico.local", "", "*.local", "192.168.1.20", "x_y"})
	want := []ca.Reason{ca.ReasonSpace, ca.ReasonEmpty, ca.ReasonBroad, ca.ReasonCharacter}
	if got := reasonsOf(t, err); !slices.Equal(got, want) {
		t.Errorf("reasons: got %q, want %q", got, want)
	}
	if got := names.Strings(); !slices.Equal(got, []string{"pico.local", "192.168.1.20"}) {
		t.Errorf("names without a fault: got %q", got)
	}
}

func TestNoNames(t *testing.T) {
	names, err := ca.ParseNames(nil)
	if err != nil {
		t.Fatalf("no names: %v", err)
	}
	if names.First() != (ca.Name{}) || len(names.All()) != 0 || len(names.Strings()) != 0 {
		t.Errorf("got %v, want no names", names)
	}
}

func TestNamesAreNotChangedThroughTheirCopy(t *testing.T) {
	names := parse(t, "pico.local", "nas.local")
	names.All()[0] = parse(t, "evil.local").First()
	if got := names.First().String(); got != "pico.local" {
		t.Errorf("first name: got %q, want %q", got, "pico.local")
	}
}

// FuzzParseNames checks whatever is accepted against the promise: it is in
// canonical form, yields a certificate that crypto/x509 verifies for that
// name, and our constraints agree with those of crypto/x509.
func FuzzParseNames(f *testing.F) {
	for _, row := range refused {
		f.Add(row.input)
	}
	for _, row := range accepted {
		f.Add(row.input)
	}
	inside := home(f)
	anywhere := newAuthority(f, ca.RootRequest{Name: "Anywhere", Days: 10}, ca.P256)
	f.Fuzz(func(t *testing.T, input string) {
		names, err := ca.ParseNames([]string{input})
		if err != nil {
			checkPrintable(t, err.Error())
			if reasons := reasonsOf(t, err); len(reasons) != 1 || reasons[0] == "" {
				t.Errorf("name %q: reasons %q, want one", input, reasons)
			}
			return
		}
		checkCanonical(t, input, names)
		leaf := sign(t, anywhere, prepare(t, anywhere, profile(), names))
		checkHolds(t, anywhere, leaf, names.First())
		checkConstraintsAgree(t, inside, names)
	})
}

func checkCanonical(t *testing.T, input string, names ca.Names) {
	t.Helper()
	name := names.First().String()
	if len(names.All()) != 1 || name == "" || len(name) > 253 {
		t.Errorf("name %q: got %q", input, names.Strings())
	}
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-.:*"
	if odd := strings.Trim(name, allowed); odd != "" {
		t.Errorf("name %q: got %q in %q", input, odd, name)
	}
	again := parse(t, name)
	if again.First() != names.First() {
		t.Errorf("name %q: %q is read as %q", input, name, again.First())
	}
}

// checkHolds checks a leaf against each host that its only name covers, and
// some that it must not.
func checkHolds(t *testing.T, a *ca.Authority, leaf *x509.Certificate, name ca.Name) {
	t.Helper()
	if got := sanOf(leaf); !slices.Equal(got, []string{name.String()}) {
		t.Errorf("names in the certificate: got %q, want %q", got, name)
	}
	host, wildcard := strings.CutPrefix(name.String(), "*.")
	verify := func(host string) error { return verifyAt(a.Certificate(), leaf, host, noon) }
	if !wildcard {
		if err := verify(host); err != nil {
			t.Errorf("%q does not verify: %v", host, err)
		}
		if err := verify("other." + host); err == nil {
			t.Errorf("%q verifies for another name", host)
		}
		return
	}
	if err := verify("any." + host); err != nil {
		t.Errorf("%q does not verify below its wildcard: %v", host, err)
	}
	if verify(host) == nil || verify("a.b."+host) == nil {
		t.Errorf("%q verifies above or two levels below its wildcard", name)
	}
}

// checkConstraintsAgree signs without asking the rules, and lets crypto/x509
// say whether the root may vouch for the name.
func checkConstraintsAgree(t *testing.T, a *ca.Authority, names ca.Names) {
	t.Helper()
	want := bypassRules(t, a, names) == nil
	_, err := a.Prepare(profile(), device(names), newKey(t, ca.P256).Public(), noon)
	if got := err == nil; got != want {
		t.Errorf("name %q: prepared %v, crypto/x509 verifies %v: %v", names.First(), got, want, err)
	}
	if err != nil && !slices.Equal(reasonsOf(t, err), []ca.Reason{ca.ReasonOutside}) {
		t.Errorf("name %q: got %v, want it outside", names.First(), err)
	}
	if got := ca.ConstraintsOf(a.Certificate()).Contains(names.First()); got != want {
		t.Errorf("name %q: contained %v, crypto/x509 verifies %v", names.First(), got, want)
	}
}
