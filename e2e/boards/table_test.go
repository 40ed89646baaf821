package boards

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// tableFile holds the tables that this file makes and checks.
const tableFile = rig.Root + "/docs/performance.md"

// A tableColumn is one table: a stack with a kind of client.
type tableColumn struct {
	title  string
	stack  rig.Stack
	curves []tls.CurveID
}

var tableColumns = []tableColumn{
	{"MicroPython 1.25 - 1.28", rig.MicroPython, curveOffers[0]},
	{"CircuitPython 9.0 - 10.2, to Chromium (offers P-384)", rig.CircuitPython, curveOffers[0]},
	{"CircuitPython 9.0 - 10.2, to curl (offers P-521)", rig.CircuitPython, curveOffers[1]},
}

// A tableRow is a certificate with its key as users make them, and as DER.
type tableRow struct {
	title string
	root  boardRoot
	made  []string // names the files as they were made
	der   []string // names the DER files
	size  int
	// drift is how far sizes may be from the document's: mkcert writes the names
	// of the user and the computer into its certificates.
	drift float64
}

// tableRows makes a certificate for pico.local with each tool.
func tableRows(t *testing.T) []tableRow {
	t.Helper()
	h := rig.NewHome(t)
	root := rootOf(t, h)
	var rows []tableRow
	for _, key := range []string{"p256", "rsa-2048", "rsa-4096"} {
		c := cell(h, rig.Bench{}, root, rig.MicroPython, key)
		rows = append(rows, tableRow{"picoca, " + key, root, c.files, c.files, len(c.leaf.der), mostDrift})
	}
	return append(rows, mkcertRow(t, "rsa"), opensslRow(t, "rsa"), opensslRow(t, "rsa:4096"))
}

// mkcertRow runs mkcert with an authority of its own, which no trust store
// learns of.
func mkcertRow(t *testing.T, kind string, flags ...string) tableRow {
	t.Helper()
	dir := t.TempDir()
	args := append(flags, "-cert-file", dir+"/cert.pem", "-key-file", dir+"/key.pem", "pico.local")
	out, err := rig.OutsideWith(t, []string{"CAROOT=" + dir, "TRUST_STORES=none"}, nil, "mkcert", "mkcert", args...)
	if err != nil {
		t.Fatalf("mkcert: %v\n%s", err, out)
	}
	return foreignRow(t, "mkcert pico.local", dir, kind, "rootCA.pem", 0.1)
}

// opensslRow makes a self-signed certificate, as tutorials do.
func opensslRow(t *testing.T, key string) tableRow {
	t.Helper()
	dir := t.TempDir()
	out, err := rig.Outside(t, "openssl", "openssl", "req", "-x509", "-newkey", key, "-nodes", "-keyout", dir+"/key.pem",
		"-out", dir+"/cert.pem", "-days", "365", "-subj", "/CN=pico.local", "-addext", "subjectAltName=DNS:pico.local")
	if err != nil {
		t.Fatalf("openssl req: %v\n%s", err, out)
	}
	return foreignRow(t, "openssl req -x509 -newkey "+key, dir, "rsa", "cert.pem", mostDrift)
}

// convert runs the document's commands that make DER files of cert.pem and
// key.pem, for a key of one kind.
func convert(t *testing.T, dir, kind string) {
	t.Helper()
	commands := regexp.MustCompile(`(?m)^openssl (?:x509|`+kind+`) -in .*$`).FindAllString(readDocument(t, troubleFile), -1)
	if len(commands) != 2 {
		t.Fatalf("%s has the conversions %q of %s, want 2", troubleFile, commands, kind)
	}
	for _, command := range commands {
		if out, err := rig.Outside(t, "openssl", "sh", "-c", "cd '"+dir+"' && "+command); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
}

// foreignRow is a certificate that another tool made as cert.pem and key.pem,
// with a key of one kind.
func foreignRow(t *testing.T, title, dir, kind, root string, drift float64) tableRow {
	t.Helper()
	convert(t, dir, kind)
	der, err := os.ReadFile(dir + "/cert.der")
	if err != nil {
		t.Fatal(err)
	}
	files := func(form string) []string {
		return []string{"--cert", dir + "/cert." + form, "--key", dir + "/key." + form}
	}
	return tableRow{title, trustIn(t, dir+"/"+root), files("pem"), files("der"), len(der), drift}
}

// TestForeignFilesLoadWhenConverted: what mkcert and openssl write is PKCS#8 in
// PEM, which MicroPython before 1.29 does not load; as DER all load it.
func TestForeignFilesLoadWhenConverted(t *testing.T) {
	b := rig.BoardBench(t)
	for _, row := range []tableRow{mkcertRow(t, "rsa"), mkcertRow(t, "ec", "-ecdsa"), opensslRow(t, "rsa")} {
		for _, s := range rig.Stacks {
			made, converted := b.Parse(t, s, row.made...), b.Parse(t, s, row.der...)
			if want := s != rig.MicroPython; made.OK != want || !made.OK && made.Error != rig.ErrInvalidKey {
				t.Errorf("%s, %s: as made %d (%s), want loaded %v", row.title, s.Name, made.Error, made.Message, want)
			}
			if !converted.OK {
				t.Errorf("%s, %s: converted %d (%s)", row.title, s.Name, converted.Error, converted.Message)
			}
		}
	}
}

// A tableEntry is one line of a table.
type tableEntry struct {
	column tableColumn
	row    tableRow
	figure boardFigure
}

// TestHandshakeTable measures the sizes in the document's tables again. With
// $PICOCA_BOARD_TABLE it counts instructions too, and writes the tables there.
func TestHandshakeTable(t *testing.T) {
	b, rows, name := rig.BoardBench(t), tableRows(t), os.Getenv("PICOCA_BOARD_TABLE")
	var entries []tableEntry
	for _, column := range tableColumns {
		for _, row := range rows {
			c := &boardCell{bench: b, root: row.root, stack: column.stack, files: row.der}
			f := boardFigure{CertificateBytes: row.size}
			c.measureHeap(t, &f, column.curves)
			if name != "" {
				f.Instructions = c.instructions(t, column.curves)
			}
			entries = append(entries, tableEntry{column, row, f})
		}
	}
	if name == "" {
		checkTable(t, entries)
		return
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(writeTable(entries)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeTable renders the entries as Markdown, a table for each column. The
// first entry of each is what the others are compared with.
func writeTable(entries []tableEntry) string {
	var out strings.Builder
	var first boardFigure
	for i, e := range entries {
		if i == 0 || e.column.title != entries[i-1].column.title {
			first = e.figure
			fmt.Fprintf(&out, "\n### %s\n\n", e.column.title)
			fmt.Fprint(&out, "| certificate | bytes | message | heap | heap with listener | million instructions | ratio |\n")
			fmt.Fprint(&out, "|---|--:|--:|--:|--:|--:|--:|\n")
		}
		f := e.figure
		sizes := []string{thousands(f.CertificateBytes), thousands(f.CertificateMessageBytes), thousands(f.HeapPeak), thousands(f.HeapPeakListener)}
		fmt.Fprintf(&out, "| %s | %s | %.1f | %.1f |\n", e.row.title, strings.Join(sizes, " | "),
			float64(f.Instructions)/1e6, float64(f.Instructions)/float64(first.Instructions))
	}
	return strings.ReplaceAll(out.String(), "| 0 |", "| - |")
}

// checkTable wants each entry in the document, with sizes as measured.
func checkTable(t *testing.T, entries []tableEntry) {
	t.Helper()
	listed := readTables(t)
	if len(listed) != len(entries) {
		t.Errorf("%s has %d rows, want %d", tableFile, len(listed), len(entries))
	}
	for _, e := range entries {
		id, f := e.column.title+", "+e.row.title, e.figure
		for i, got := range []int{f.CertificateBytes, f.CertificateMessageBytes, f.HeapPeak, f.HeapPeakListener} {
			if listed := listed[id][i]; int(listed) != got && spread(int(listed), got) > e.row.drift {
				t.Errorf("%s: size %d is %.0f in %s, measured %d", id, i+1, listed, tableFile, got)
			}
		}
	}
}

// readTables reads the rows of all tables: the figures by the heading above and
// the first cell, "-" as 0.
func readTables(t *testing.T) map[string][6]float64 {
	t.Helper()
	rows, title := make(map[string][6]float64), ""
	for line := range strings.Lines(readDocument(t, tableFile)) {
		if found, ok := strings.CutPrefix(line, "### "); ok {
			title = strings.TrimSpace(found)
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if figures, ok := readFigures(cells[1:]); ok {
			rows[title+", "+strings.TrimSpace(cells[0])] = figures
		}
	}
	return rows
}

// readFigures reads a row of six figures; a heading is none.
func readFigures(cells []string) (figures [6]float64, ok bool) {
	if len(cells) != len(figures) {
		return figures, false
	}
	for i, cell := range cells {
		cell = strings.ReplaceAll(strings.TrimSpace(cell), ",", "")
		var err error
		if figures[i], err = strconv.ParseFloat(cell, 64); err != nil && cell != "-" {
			return figures, false
		}
	}
	return figures, true
}

// checkInstructions compares the instructions of cells with the document's,
// where the same compiler built the bench: another one's differ by more.
func checkInstructions(t *testing.T, versions []byte, cells []*boardCell) {
	t.Helper()
	compiler := regexp.MustCompile(`gcc \d+[.]\d+[.]\d+`).FindString(readDocument(t, tableFile))
	if want := strings.Replace(compiler, "gcc ", `"gcc": "`, 1) + `"`; !strings.Contains(string(versions), want) {
		t.Logf("the bench is built by another compiler than the figures of %s: %s", tableFile, compiler)
		return
	}
	listed, compared := readTables(t), 0
	for _, c := range cells {
		for i, column := range tableColumns {
			figures, ok := listed[column.title+", picoca, "+strings.Replace(c.kind, "rsa", "rsa-", 1)]
			if !ok || c.stack != column.stack || c.container != "der" {
				continue
			}
			compared++
			got := float64(c.figures[max(0, i-1)].Instructions) / 1e6
			if max(got, figures[4])/min(got, figures[4]) > 1+mostDrift {
				t.Errorf("%s, %s: %.1f million instructions in %s, counted %.1f", column.title, c.kind, figures[4], tableFile, got)
			}
		}
	}
	if compared != 9 {
		t.Errorf("instructions of %d rows were compared, want 9", compared)
	}
}
