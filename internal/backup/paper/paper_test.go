package paper

import (
	"bytes"
	"crypto"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

var printed = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// encrypt encrypts a key under "paper", with a single round.
func encrypt(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := pkcs8.MarshalPrivateKey(key, []byte("paper"), &pkcs8.Opts{
		Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 1, HMACHash: crypto.SHA256},
	})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func content(t testing.TB, kt ca.KeyType) Content {
	t.Helper()
	root := testpki.Root(t, testpki.HomeRequest(), testpki.Key(t, kt), printed)
	return Content{root.Cert, encrypt(t, root.Key)}
}

func (c Content) text() string {
	parts := c.parts()
	return printedLines(parts[0]) + printedLines(parts[1])
}

func (c Content) compact() string {
	var texts []string
	for _, part := range c.parts() {
		for _, l := range part {
			texts = append(texts, l.compact())
		}
	}
	return strings.Join(texts, "/")
}

func (c Content) equal(other Content) bool {
	return c.Certificate.Equal(other.Certificate) && bytes.Equal(c.Key, other.Key)
}

// typed are ways in which people and programs write the same lines.
var typed = map[string]func(Content) string{
	"as printed":         Content.text,
	"as scanned":         Content.compact,
	"by zbarimg":         func(c Content) string { return "QR-Code:" + c.compact() + "\nscanned 2 barcode symbols\n" },
	"lower case":         func(c Content) string { return strings.ToLower(c.text()) },
	"without spaces":     func(c Content) string { return strings.ReplaceAll(c.text(), " ", "") },
	"without colons":     func(c Content) string { return strings.ReplaceAll(c.text(), ":", "") },
	"with hyphens":       func(c Content) string { return strings.ReplaceAll(c.text(), " ", "-") },
	"Windows":            func(c Content) string { return "\ufeff" + strings.ReplaceAll(c.text(), "\n", "\r\n") },
	"letters for digits": func(c Content) string { return strings.NewReplacer("0", "O", "1", "l").Replace(c.text()) },
	"no-break spaces":    func(c Content) string { return strings.ReplaceAll(c.text(), " ", "\u00a0") },
	"twice":              func(c Content) string { return c.text() + c.compact() },
	"after a mistake":    func(c Content) string { return strings.Replace(c.text(), "K02: ", "K02: AB", 1) + c.text() },
	"short names":        func(c Content) string { return strings.NewReplacer("\nK0", "\nk", "\nC0", "\nc").Replace(c.text()) },
	"among other text":   func(c Content) string { return "Dear Anna: K is\nC: note\n\n  " + c.text() + "\nC99\nH:\n" },
	"backwards": func(c Content) string {
		all := strings.SplitAfter(c.text(), "\n")
		slices.Reverse(all)
		return strings.Join(all, "")
	},
}

func TestSheetIsReadHoweverItIsTyped(t *testing.T) {
	want := content(t, ca.P256)
	for _, how := range slices.Sorted(maps.Keys(typed)) {
		got, err := Parse([]byte(typed[how](want)))
		if err != nil || !got.equal(want) {
			t.Errorf("%s: got error %v", how, err)
		}
	}
}

func TestEveryKeyTypeFits(t *testing.T) {
	for _, kt := range []ca.KeyType{ca.P256, ca.P384, ca.RSA2048, ca.RSA4096} {
		want := Sheet{Content: content(t, kt), Date: printed, Command: "picoca restore --paper FILE"}
		page, err := want.HTML()
		if err != nil {
			t.Fatalf("%s: %v", kt, err)
		}
		if got, err := Parse(page); err != nil || !got.equal(want.Content) {
			t.Errorf("%s: page as text: got error %v", kt, err)
		}
	}
}

// wrong are the faults that a mistake must be reported as, and no others.
func wrong(t *testing.T, text string, want ...string) {
	t.Helper()
	_, err := Parse([]byte(text))
	var got []string
	for _, one := range fault.Flatten(err) {
		got = append(got, one.Error())
		if fault.HintOf(one).IsZero() {
			t.Errorf("%v: has no hint", one)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestWrongLineIsNamed(t *testing.T) {
	c := content(t, ca.P256)
	text := c.text()
	all := strings.SplitAfter(text, "\n")
	at := func(name string) int {
		return slices.IndexFunc(all, func(l string) bool { return strings.HasPrefix(l, name) })
	}
	get := func(name string) string { return all[at(name)] }
	change := func(name string, edit func(string) string) string {
		return strings.Replace(text, get(name), name+edit(strings.TrimPrefix(get(name), name)), 1)
	}
	other := func(r byte) string { return string("ABCDEFGH"[(strings.IndexByte("ABCDEFGH", r)+1)%8]) }
	last := c.parts()[1]
	lastName := last[len(last)-1].label.String()

	const mistake = " has a mistake: its last four letters and digits do not fit the rest"
	for i := range 44 { // every single letter of a line
		edited := change("K03: ", func(s string) string {
			j := i + min(i/5, 8)
			return s[:j] + other(s[j]) + s[j+1:]
		})
		wrong(t, edited, "K03"+mistake)
	}
	wrong(t, change("K03: ", func(s string) string { return s[1:] }), "K03 has 43 letters and digits after its name, the paper has 44")
	wrong(t, change("K03: ", func(s string) string { return "A" + s }), "K03 has 45 letters and digits after its name, the paper has 44")
	wrong(t, change("C05: ", func(s string) string { return "%" + s[1:] }), `C05 contains "%", which no line has`)
	wrong(t, change("C05: ", func(s string) string { return s[1:2] + s[:1] + s[2:] }), "C05"+mistake)
	wrong(t, strings.Replace(text, get("K04"), "", 1), "K04 is missing")
	wrong(t, strings.Join(all[:at("C01")], ""), "C01 to "+lastName+" are missing")
	wrong(t, strings.Replace(text, get(lastName), "", 1), lastName+" is missing")
	wrong(t, strings.NewReplacer("K02:", "K03:", "K03:", "K02:").Replace(text), "K02 contains what belongs to K03", "K03 contains what belongs to K02")
	wrong(t, strings.Replace(text, get("K02"), "K02: "+strings.TrimPrefix(get("C07"), "C07: "), 1), "K02 contains what belongs to C07")
	wrong(t, strings.Replace(text, get("H01"), "", 1), "H01 is missing")
	wrong(t, strings.Replace(change("K03: ", func(s string) string { return s[1:] }), get("H01"), "", 1), "H01 is missing", "K03"+mistake)
	wrong(t, change("K03: ", func(string) string { return "\n" }), "K03 is missing")
	wrong(t, strings.NewReplacer("\nK", "\nY", "H01", "H0I").Replace(text), "K01 to K10 are missing")
	wrong(t, strings.Replace(text, "K07:", "X07:", 1), "K07 is missing")
}

func TestOnlyTheFirstOfManyWrongLinesAreNamed(t *testing.T) {
	_, err := Parse([]byte(strings.NewReplacer("C0", "C2", "C2", "C0").Replace(content(t, ca.RSA2048).text())))
	all := fault.Flatten(err)
	if len(all) != maxFaults+1 || !strings.HasSuffix(all[maxFaults].Error(), "more lines are wrong or missing") {
		t.Errorf("got %d faults, the last %v, want %d", len(all), all[len(all)-1], maxFaults+1)
	}
}

func TestWhatIsNoSheetIsRefused(t *testing.T) {
	one, two := content(t, ca.P256), content(t, ca.P256)
	for len(two.Certificate.Raw) != len(one.Certificate.Raw) { // or the length says it
		two = content(t, ca.P256)
	}
	newer := lines(headLines, newerHeader(one))
	for name, row := range map[string]struct {
		text string
		want error
	}{
		"empty":          {"", ErrNoSheet},
		"a letter":       {"Dear Anna,\nthe passphrase is: none.\n", ErrNoSheet},
		"binary":         {"\x00\x01" + one.text(), ErrNotText},
		"UTF-16":         {"H\x000\x001\x00", ErrNotText},
		"huge":           {strings.Repeat("A", MaxText+1), ErrTooLarge},
		"newer":          {printedLines(newer), ErrNewer},
		"another key":    {one.text() + printedLines(lines(keyLines, two.Key)), ErrMixed},
		"another header": {one.text() + printedLines(lines(headLines, headerOf(two))), ErrMixed},
		"parts of two":   {printedLines(one.parts()[0]) + printedLines(two.parts()[1]), ErrMixed},
		"not encrypted":  {Content{one.Certificate, []byte{0x30, 3, 2, 1, 0}}.text(), ErrNotEncrypted},
		"not a root":     {leaf(t).text(), ca.ErrNotRoot},
		"no certificate": {noCertificate(one), ErrMixed},
	} {
		if _, err := Parse([]byte(row.text)); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
}

func headerOf(c Content) []byte {
	h := c.header()
	return h[:]
}

func newerHeader(c Content) []byte {
	h := c.header()
	h[0] = version + 1
	return h[:]
}

func leaf(t *testing.T) Content {
	pair := testpki.Home(t, printed).Server(t, printed, "pico.local")
	return Content{pair.Cert, encrypt(t, pair.Key)}
}

// noCertificate has right lines of something else.
func noCertificate(c Content) string {
	h := c.header()
	h[3], h[4] = 0, 3
	return printedLines(lines(headLines, h[:])) + printedLines(lines(keyLines, c.Key)) + printedLines(lines(certLines, []byte("abc")))
}

func TestKeyInClearIsNeverPrinted(t *testing.T) {
	root := testpki.Home(t, printed)
	for name, key := range map[string][]byte{
		"clear": mustPKCS8(t, root.Key), "empty": nil, "with more after it": append(encrypt(t, root.Key), 0),
	} {
		if page, err := (Sheet{Content: Content{root.Cert, key}}).HTML(); !errors.Is(err, ErrNotEncrypted) || page != nil {
			t.Errorf("%s: got %v and %d bytes, want %v", name, err, len(page), ErrNotEncrypted)
		}
	}
}

func mustPKCS8(t *testing.T, key crypto.Signer) []byte {
	der, err := pkcs8.MarshalPrivateKey(key, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestPageSaysWhatItIs(t *testing.T) {
	req := testpki.HomeRequest()
	req.Name = "Anna & <Bob> {date}"
	root := testpki.Root(t, req, testpki.Key(t, ca.P256), printed)
	c := Content{root.Cert, encrypt(t, root.Key)}
	for _, row := range []struct {
		sheet Sheet
		want  []string
	}{
		{Sheet{Content: c, Date: printed, Command: "picoca restore --paper FILE"},
			[]string{"Root key of Anna &amp; &lt;Bob&gt; {date}", "on 2026-11-26", "the passphrase that the root key had on 2026-11-26", "picoca restore --paper FILE", ca.Fingerprint(root.Cert), ".home.arpa"}},
		{Sheet{Content: c, Purpose: Spare, Passphrase: OfSheet, Date: printed, Command: "picoca root rotate --from-spare FILE"},
			[]string{"Spare root Anna", "chosen for this sheet", "root rotate --from-spare", "exists only here"}},
	} {
		page, err := row.sheet.HTML()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range row.want {
			if !strings.Contains(string(page), want) {
				t.Errorf("page does not contain %q", want)
			}
		}
		if strings.Contains(string(page), "http") {
			t.Error("page refers to something outside itself")
		}
		if keep := os.Getenv("PICOCA_KEEP_PAGE"); keep != "" {
			os.WriteFile(keep, page, 0o600)
		}
	}
}

func FuzzParse(f *testing.F) {
	c := content(f, ca.P256)
	f.Add([]byte(c.text()))
	f.Add([]byte(c.compact()))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := Parse(text); err == nil && got.check() != nil {
			t.Errorf("accepted %q", text)
		}
	})
}
