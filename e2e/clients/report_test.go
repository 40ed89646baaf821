package clients

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// section returns the cells of the table under a heading of the troubleshooting
// page, of the rows that begin with code.
func section(t *testing.T, heading string) [][]string {
	t.Helper()
	_, part, _ := strings.Cut(string(rig.ReadFile(t, rig.Root, "docs", "troubleshooting.md")), "\n## "+heading+"\n")
	part, _, _ = strings.Cut(part, "\n## ")
	var rows [][]string
	for _, match := range regexp.MustCompile("(?m)^\\| (`.*) \\|$").FindAllStringSubmatch(part, -1) {
		rows = append(rows, strings.Split(match[1], " | "))
	}
	return rows
}

// A reportRow is a line of the document's table: what a library reports, and how
// that comes about.
type reportRow struct {
	text, in string
	show     func(l *logLab) string
}

var (
	esp32      = "ESP32 Arduino, ESP-IDF"
	bear       = "BearSSL: Arduino-Pico, ESP8266"
	reportRows = []reportRow{
		{"-0x2180", esp32, func(l *logLab) string { return l.parse("certificate", l.mine(microPython.device), "cert.der") }},
		{"-0x3D00", esp32, func(l *logLab) string { return l.parse("key", l.mine(microPython.device), "key.der") }},
		{"-0x2780", esp32, func(l *logLab) string { return l.parse("certificate", l.joined(), "cert.pem") }},
		{"-0x2562", esp32, func(l *logLab) string { return l.parse("certificate", l.strict(), "picoca-root.pem") }},
		{"-0x262E", esp32, func(l *logLab) string { return l.parse("certificate", l.ed25519(), "cert.pem") }},
		// TestBrokerLogs has sketches print these.
		{"-0x2700", esp32, nil},
		{"54", bear, nil},
		{"56", bear, nil},
		{"62", bear, nil},
		// TestWolfSSL and TestBun bring these about.
		{wolfSSL.foreign[len("error "):], "wolfSSL", nil},
		{wolfSSL.name[len("error "):], "wolfSSL", nil},
		{wolfSSL.address[len("error "):], "wolfSSL", nil},
		{bun.address, "BoringSSL: Bun, Mono, Envoy, gRPC", nil},
	}
)

// TestLibrariesReport brings each number about, and compares the rows with the
// document's table.
func TestLibrariesReport(t *testing.T) {
	t.Parallel()
	listed := section(t, "What a sketch, ESP-IDF or a library reports")
	if len(listed) != len(reportRows) {
		t.Fatalf("%d rows in the document, %d here", len(listed), len(reportRows))
	}
	needHeader(t, "mbedtls/pk.h", "libmbedtls-dev")
	parser := build(t, "parse", "-lmbedx509", "-lmbedcrypto")
	home, foreign := rig.NewHome(t), rig.NewHome(t)
	for i, row := range reportRows {
		t.Run(row.in+"/"+row.text, func(t *testing.T) {
			if cells := listed[i]; !strings.HasPrefix(cells[0], "`"+row.text+"`") || cells[1] != row.in {
				t.Errorf("row %d is %q in %q", i+1, cells[0], cells[1])
			}
			if row.show == nil {
				return
			}
			l := &logLab{T: t, home: rig.Home{T: t, Dir: home.Dir}, foreign: rig.Home{T: t, Dir: foreign.Dir}, parser: parser}
			if got := strings.TrimSpace(row.show(l)); got != row.text {
				t.Errorf("got %q", got)
			}
		})
	}
}

// parse has mbedTLS parse a file in a folder as a text.
func (l *logLab) parse(what, folder, name string) string {
	l.Helper()
	if out, err := rig.Outside(l, "gcc", l.parser, "certificate", filepath.Join(l.mine("mosquitto"), "cert.pem")); err != nil {
		l.Errorf("what it should read: %s, %v", out, err)
	}
	out, _ := rig.Outside(l, "gcc", l.parser, what, filepath.Join(folder, name))
	return out
}

// joined has a certificate whose lines have no ends.
func (l *logLab) joined() string {
	folder := l.TempDir()
	text := strings.ReplaceAll(string(rig.ReadFile(l, l.mine("mosquitto"), "cert.pem")), "\n", "")
	rig.WriteFile(l, filepath.Join(folder, "cert.pem"), text)
	return folder
}

// strict has the root of a CA with critical constraints.
func (l *logLab) strict() string {
	h := rig.NewHome(l, "--strict-constraints")
	h.Run("export", "ca")
	return h.Dir
}

// ed25519 has a certificate that another tool made.
func (l *logLab) ed25519() string {
	folder := l.TempDir()
	out, err := rig.Outside(l, "openssl", "openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=broker.local",
		"-keyout", filepath.Join(folder, "key.pem"), "-out", filepath.Join(folder, "cert.pem"))
	if err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
	return folder
}
