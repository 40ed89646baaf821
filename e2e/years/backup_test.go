package years

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

const backupPassphrase = "correct horse battery staple"

// papers are the sizes that people print on, for a style of the page.
var papers = []string{"A4", "letter"}

// TestPaperIsPrintedScannedAndRestored: the page fits on one sheet of either
// size, also in a scan of 150 dpi, and what a scanner reads of it makes a CA
// with the same root, which issues. Roots of RSA take more sheets.
func TestPaperIsPrintedScannedAndRestored(t *testing.T) {
	for _, row := range []struct {
		key, dpi string
		papers   []string
		sheets   int
	}{{"p256", "150", papers, 1}, {"rsa-2048", "150", papers[:1], 0}} {
		h := rig.NewHome(t, "--key", row.key)
		rig.WriteFile(t, h.Path("pass.txt"), backupPassphrase+"\n")
		h.Run("backup", "--paper", "root.html", "--backup-passphrase-file", "pass.txt")
		for _, paper := range row.papers {
			sheets := rig.Print(t, h.Path("root.html"), paper, row.dpi)
			if row.sheets > 0 && len(sheets) != row.sheets {
				t.Errorf("%s on %s: got %d sheets, want %d", row.key, paper, len(sheets), row.sheets)
			}
			text := rig.Scan(t, sheets)
			if !strings.Contains(text, "QR-Code:H01:") {
				t.Fatalf("%s on %s: scanned %q", row.key, paper, text)
			}
			rig.WriteFile(t, h.Path("scanned.txt"), text)
			store := "restored-" + paper
			h.Run("--home", store, "restore", "--paper", "scanned.txt")
			h.Run("--home", store, "issue", "pico.local", "--for", "computer", "--passphrase-file", "pass.txt", "--out", store+"-files")
			// A client that trusts the first CA's root trusts the new certificate.
			if out, err := rig.Outside(t, "openssl", "openssl", "verify", "-CAfile", h.RootFile("store", "cert.pem"), h.Path(store+"-files", "cert.pem")); err != nil {
				t.Errorf("%s on %s: %v\n%s", row.key, paper, err, out)
			}
		}
	}
}

// TestKeyOnPaperIsReadWithoutPicoca: the way by hand that the pages describe.
func TestKeyOnPaperIsReadWithoutPicoca(t *testing.T) {
	h := rig.NewHome(t)
	rig.WriteFile(t, h.Path("pass.txt"), backupPassphrase+"\n")
	h.Run("backup", "--paper", "root.html", "--backup-passphrase-file", "pass.txt")
	rig.WriteFile(t, h.Path("sheet.txt"), string(rig.ReadFile(t, h.Path("root.html"))))
	for part, convert := range map[string]string{
		"K": "openssl pkcs8 -inform der -passin file:pass.txt -in key.der -out key.pem",
		"C": "openssl x509 -inform der -in key.der -out cert.pem",
	} {
		script := paperByHand(t, part) + "; " + convert
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", "cd '"+h.Dir+"' && "+script).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
	}
	if got, want := string(rig.ReadFile(t, h.Dir, "cert.pem")), string(rig.ReadFile(t, h.RootFile("store", "cert.pem"))); got != want {
		t.Errorf("got certificate\n%s\nwant\n%s", got, want)
	}
	public := func(key string) string {
		out, err := rig.Outside(t, "openssl", "openssl", "pkey", "-pubout", "-in", key)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	if public(h.Path("key.pem")) != public(h.RootFile("store", "key.pem")) {
		t.Error("the key is another one")
	}
}

// paperByHand returns the command in keep.md that reads one part of a sheet.
func paperByHand(t *testing.T, part string) string {
	t.Helper()
	for line := range strings.Lines(string(rig.ReadFile(t, rig.Root, "docs/keep.md"))) {
		if strings.HasPrefix(line, "grep ^K ") {
			return strings.Replace(strings.TrimSpace(line), "^K", "^"+part, 1)
		}
	}
	t.Fatal("docs/keep.md has no line that begins with grep ^K")
	return ""
}

// TestBackupIsOpenedByAge: age's own program decrypts it, tar unpacks it, and
// picoca works with the result.
func TestBackupIsOpenedByAge(t *testing.T) {
	h := rig.NewHome(t)
	h.Issue("pico.local")
	rig.WriteFile(t, h.Path("pass.txt"), backupPassphrase+"\n")
	h.Run("backup", "my.age", "--backup-passphrase-file", "pass.txt")
	// It asks for the passphrase on a terminal only.
	typed := rig.Need(t, "script", "bsdutils")
	age, folder := rig.Need(t, "age", "age"), h.Path("unpacked")
	cmd := exec.CommandContext(t.Context(), typed, "--quiet", "--return", "--command", age+" -d -o my.tar my.age", "/dev/null")
	cmd.Dir, cmd.Stdin = h.Dir, strings.NewReader(backupPassphrase+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("age: %v\n%s", err, out)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"tar", "-xf", h.Path("my.tar"), "-C", folder}, {"diff", "-r", "--exclude=lock", h.Path("store"), folder}} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
	}
	h.Run("--home", "unpacked", "issue", "nas.local")
}
