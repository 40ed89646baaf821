package onboard

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

// newBoard is a board with two roots, the second of that name.
func newBoard(t *testing.T, name string) Board {
	t.Helper()
	first := newHome(t, nil)
	second := newHome(t, func(c *x509.Certificate) { c.Subject.CommonName = name })
	return Board{"pico.local", []*x509.Certificate{first.root, second.root}, append(first.profile(), second.profile()...)}
}

func boardFiles(t *testing.T, b Board) map[string]BoardFile {
	t.Helper()
	files, err := b.Files()
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]BoardFile{}
	for _, file := range files {
		byPath[file.Path] = file
	}
	return byPath
}

// TestBoardServesTheRootsAndNothingElse: the page, and what the phones install, as
// the server of picoca phone would send it.
func TestBoardServesTheRootsAndNothingElse(t *testing.T) {
	b := newBoard(t, "Home <CA> K2LM")
	files := boardFiles(t, b)
	for path, want := range map[string]BoardFile{
		"/trust/picoca-root.mobileconfig": {Type: "application/x-apple-aspen-config", Data: b.Profile},
		"/trust/picoca-root.crt":          {Type: "application/x-x509-ca-cert", Data: b.Roots[0].Raw},
		"/trust/picoca-root-2.crt":        {Type: "application/x-x509-ca-cert", Data: b.Roots[1].Raw},
		"/trust":                          {Type: "text/html; charset=utf-8", Data: files["/trust"].Data},
	} {
		if got := files[path]; got.Type != want.Type || len(got.Data) == 0 || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s: got %s with %d bytes, want %s with %d", path, got.Type, len(got.Data), want.Type, len(want.Data))
		}
	}
	if len(files) != 4 {
		t.Errorf("got %d files, want 4", len(files))
	}
	one := Board{b.Name, b.Roots[:1], b.Profile}
	if got := len(boardFiles(t, one)); got != 3 {
		t.Errorf("with one root: got %d files, want 3", got)
	}
}

func TestBoardRefusesWhatMustNotBeServed(t *testing.T) {
	b := newBoard(t, "Home <CA> K2LM")
	leaf, err := x509.ParseCertificate(newHome(t, nil).leaf("127.0.0.1").Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Board){
		"contains an identity":        func(b *Board) { b.Profile = append(b.Profile, "com.apple.security.pkcs12"...) },
		"profile lacks the root":      func(b *Board) { b.Profile = nil },
		"not a certificate authority": func(b *Board) { b.Roots = append(b.Roots, leaf) },
		"offered twice":               func(b *Board) { b.Roots = append(b.Roots, b.Roots[0]) },
	} {
		broken := Board{b.Name, append([]*x509.Certificate{}, b.Roots...), bytes.Clone(b.Profile)}
		change(&broken)
		if _, err := broken.Files(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// links are those of a page.
var links = regexp.MustCompile(`(?:href|src)="([^"]*)"`)

// TestBoardPageNeedsNothingElse: every link leads to a file that the board has, to
// a section of the page, or to the board's own page over HTTPS; no other request
// costs the board anything, and nothing is asked of the computer.
func TestBoardPageNeedsNothingElse(t *testing.T) {
	b := newBoard(t, "Home <CA> K2LM")
	files := boardFiles(t, b)
	page := string(files["/trust"].Data)
	for _, match := range links.FindAllStringSubmatch(page, -1) {
		_, served := files[match[1]]
		section, isSection := strings.CutPrefix(match[1], "#")
		switch {
		case isSection && strings.Count(page, ` id="`+section+`"`) == 1, served, match[1] == "data:,", match[1] == "https://pico.local/":
		default:
			t.Errorf("the page leads to %s", match[1])
		}
	}
	for path := range files {
		if path != "/trust" && !strings.Contains(page, `href="`+path+`"`) {
			t.Errorf("nothing leads to %s", path)
		}
	}
	for _, bad := range []string{"<script", "javascript:", "url(", "<form", "<iframe", "in your computer", "in the terminal", "<CA>", "while picoca phone runs"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if left := regexp.MustCompile(`\{[a-z]+\}`).FindString(page[strings.Index(page, "</style>"):]); left != "" || !strings.HasSuffix(page, "</html>\n") {
		t.Errorf("the page is cut off, or %q is not filled", left)
	}
}

// TestBoardPageHasTheStepsOfThePhonePage: each platform's guide, for both roots,
// with the comparison with what is printed.
func TestBoardPageHasTheStepsOfThePhonePage(t *testing.T) {
	b := newBoard(t, "Home <CA> K2LM")
	page := string(boardFiles(t, b)["/trust"].Data)
	guides, _, _ := strings.Cut(page, "</main>")
	sections := strings.Split(guides, `<section class="guide"`)[1:]
	if len(sections) != len(boardPlatforms) {
		t.Fatalf("got %d sections, want %d", len(sections), len(boardPlatforms))
	}
	for i, p := range boardPlatforms {
		text := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(sections[i], ""))
		steps := shipped(t)[0].guideOf(p).Steps
		if got := strings.Count(sections[i], "<li>"); got != len(steps) {
			t.Errorf("%s: got %d steps, want %d", p, got, len(steps))
		}
		for _, want := range []string{"on the printed sheet", "Home\u00a0<CA>\u00a0K2LM", "Open pico.local", "Download"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", p, want)
			}
		}
	}
	for _, root := range b.Roots {
		joined := strings.ReplaceAll(page, "</span><span>", "")
		if !strings.Contains(joined, ca.Fingerprint(root)) {
			t.Errorf("the page lacks the fingerprint of %s", root.Subject.CommonName)
		}
	}
}

// TestBoardPageIsSmall holds the figures of docs/performance.md.
func TestBoardPageIsSmall(t *testing.T) {
	b := newBoard(t, "Home CA K2LM")
	docs, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	two := len(boardFiles(t, b)["/trust"].Data)
	one := len(boardFiles(t, Board{b.Name, b.Roots[:1], b.Profile})["/trust"].Data)
	t.Logf("%d bytes with one root, %d with two", one, two)
	for _, size := range []int{one, two} {
		if want := fmt.Sprintf("%.1f KB", float64(size)/1000); size > 24_000 || !strings.Contains(string(docs), want) {
			t.Errorf("the page has %s: want at most 24 KB, and that figure in docs/performance.md", want)
		}
	}
}

// TestSheetHasAllThatAPhoneNeeds: the code is scanned in e2e/example.
func TestSheetHasAllThatAPhoneNeeds(t *testing.T) {
	b := newBoard(t, "Home <CA> K2LM")
	data, err := b.Sheet(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(data), "</span><span>", "")
	for _, root := range b.Roots {
		if !strings.Contains(page, ca.Fingerprint(root)) {
			t.Errorf("the sheet lacks the fingerprint of %s", root.Subject.CommonName)
		}
	}
	for _, want := range []string{
		"http://pico.local/trust", "https://pico.local/", "Certificate Trust Settings", "Install anyway", "More security settings", "on this sheet",
		"Made by picoca on 2026-11-26", "picoca-root-2.crt", fmt.Sprintf("% X", b.Record()),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the sheet lacks %q", want)
		}
	}
	for _, match := range links.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(match[1], "data:image/png;base64,") {
			t.Errorf("the sheet leads to %s", match[1])
		}
	}
	for _, bad := range []string{"terminal", "<CA>", "printed sheet", "Step 5", "<script"} {
		if strings.Contains(page, bad) {
			t.Errorf("the sheet has %q", bad)
		}
	}
	if left := regexp.MustCompile(`\{[a-z]+\}`).FindString(page[strings.Index(page, "</style>"):]); left != "" {
		t.Errorf("%q is not filled", left)
	}
	if _, err := (Board{Name: "pico.local"}).Sheet(time.Time{}); err == nil {
		t.Error("a sheet without a root is made")
	}
}

// TestRecordIsAnNFCForumURI: the bytes as the NFC Forum's documents lay them out.
func TestRecordIsAnNFCForumURI(t *testing.T) {
	want := append([]byte{0xD1, 0x01, 0x11, 0x55, 0x03}, "pico.local/trust"...)
	if got := (Board{Name: "pico.local"}).Record(); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	for length, head := range map[int][]byte{
		248: {0xD1, 0x01, 0xFF, 0x55, 0x03},                   // 255 bytes: the most of a short record
		249: {0xC1, 0x01, 0x00, 0x00, 0x01, 0x00, 0x55, 0x03}, // 256
	} {
		got := (Board{Name: strings.Repeat("x", length)}).Record()
		if want := len(head) + length + len("/trust"); !bytes.HasPrefix(got, head) || len(got) != want {
			t.Errorf("%d bytes of name: got % x with %d bytes, want % x with %d", length, got[:8], len(got), head, want)
		}
	}
}
