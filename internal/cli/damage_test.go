package cli

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

// TestDamagedCertificateIsNeverHandedOut flips a bit in every third byte of a
// stored certificate. Many of these still parse: only their signature shows the damage.
func TestDamagedCertificateIsNeverHandedOut(t *testing.T) {
	for _, row := range []struct {
		name, file string
		commands   [][]string
	}{
		{"root", "ca/roots/*/cert.pem", [][]string{
			{"list"}, {"show", "ca"}, {"export", "ca", "--out", "{}/root.pem"}, {"issue", "nas.local", "--for", "computer", "--out", "{}/nas"},
			{"show", "pico.local"}, {"export", "pico.local", "--out", "{}/files"}, {"example", "pico.local", "--out", "{}/project"},
		}},
		{"leaf", "ca/issued/pico.local/*/cert.pem", [][]string{
			{"list"}, {"show", "pico.local"}, {"export", "pico.local", "--out", "{}/files"}, {"example", "pico.local", "--out", "{}/project"},
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := place{t, quickDir(t)}
			p.must("init", "--no-passphrase")
			p.must("issue", "pico.local", "--for", "pico-w", "--out", p.path("issued"))
			p.succeed(row.commands)
			files, err := filepath.Glob(p.path(row.file))
			if err != nil || len(files) != 1 {
				t.Fatalf("certificate: got %q, %v", files, err)
			}
			p.damage(files[0], row.commands)
			p.succeed(row.commands) // it was the damage
		})
	}
}

// succeed runs each command in a copy of the place.
func (p place) succeed(commands [][]string) {
	p.t.Helper()
	for _, args := range commands {
		q := p.copyTo(filepath.Join(p.t.TempDir(), "copy"))
		q.must(q.fill(args)...)
	}
}

// damage flips one bit of every third byte in turn, and holds every command to it. At
// the end the file is whole again.
func (p place) damage(file string, commands [][]string) {
	p.t.Helper()
	whole, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	block, _ := pem.Decode(whole)
	before, parsed := p.entries(), 0
	for i := 0; i < len(block.Bytes); i += 3 { // which comes to each of the eight bits
		bit := byte(1) << (i % 8)
		block.Bytes[i] ^= bit
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			parsed++
		}
		p.write(file, pem.EncodeToMemory(block))
		for _, args := range commands {
			code, output, _ := p.run(nil, p.fill(args)...)
			if code != fault.Failed || !strings.Contains(output, "\nhint: ") {
				p.t.Errorf("byte %d, bit %#02x: picoca %s: got exit code %d, want %d and a hint\n%s", i, bit, strings.Join(args, " "), code, fault.Failed, output)
			}
		}
		block.Bytes[i] ^= bit
	}
	p.write(file, whole)
	if parsed < len(block.Bytes)/10 {
		p.t.Errorf("got %d damaged certificates that parse, want at least one in ten bytes, of %d", parsed, len(block.Bytes))
	}
	if got := p.entries(); got != before {
		p.t.Errorf("written files: got %s, want %s", got, before)
	}
}

func (p place) write(file string, data []byte) {
	p.t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// entries lists what is in the place.
func (p place) entries() string {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}
