package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Print prints a page to PDF as a browser does, and returns a picture of each sheet
// in shades of grey. Paper is a size for @page, such as A4 or letter.
func Print(t *testing.T, page, paper, dpi string) []string {
	t.Helper()
	dir := t.TempDir()
	html := strings.Replace(string(ReadFile(t, page)), "@page {", "@page { size: "+paper+"; ", 1)
	WriteFile(t, dir+"/page.html", html)
	out, err := OutsideWith(t, []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir + "/config"}, nil, "chromium", "chromium",
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir="+dir+"/profile",
		"--no-pdf-header-footer", "--print-to-pdf="+dir+"/page.pdf", "file://"+dir+"/page.html")
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	if out, err := Outside(t, "poppler-utils", "pdftoppm", "-r", dpi, "-gray", "-png", dir+"/page.pdf", dir+"/sheet"); err != nil {
		t.Fatalf("pdftoppm: %v\n%s", err, out)
	}
	sheets, _ := filepath.Glob(dir + "/sheet-*.png")
	slices.Sort(sheets)
	return sheets
}

// Scan returns what a scanner reads of pictures.
func Scan(t *testing.T, pictures []string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Need(t, "zbarimg", "zbar-tools"), append([]string{"--quiet"}, pictures...)...)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent") // zbar reports each code there
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("zbarimg: %v\n%s", err, out)
	}
	return string(out)
}
