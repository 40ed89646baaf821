//go:build unix

package release

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

const number = "1.2.3" // version without its v

// artefacts are the files of a release.
func artefacts() []string {
	names := []string{"PKGBUILD", "SHA256SUMS", "picoca.json", "picoca.rb", "picoca-" + number + ".cdx.json"}
	for label, formats := range map[string][]string{
		"linux-amd64": {"tar.gz", "deb", "rpm", "apk"}, "linux-arm64": {"tar.gz", "deb", "rpm", "apk"}, "linux-armv6": {"tar.gz", "deb", "rpm", "apk"},
		"darwin-arm64": {"tar.gz"}, "darwin-amd64": {"tar.gz"}, "windows-amd64": {"zip"},
	} {
		for _, format := range formats {
			names = append(names, "picoca-"+number+"-"+label+"."+format)
		}
	}
	slices.Sort(names)
	return names
}

// TestRelease builds a release twice, in two clones, and opens each of its
// artefacts with the tool that people have for it.
func TestRelease(t *testing.T) {
	needAll(t)
	rig.Need(t, "zip", "zip")
	repository := committed(t)
	first, second := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "other", "folder")
	for _, out := range []string{first, second} {
		run(t, clone(t, repository), nil, "scripts/release.sh", out)
	}
	r := release{t, first}
	if got, want := r.files(), artefacts(); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for _, name := range artefacts() {
		if !bytes.Equal(r.read(name), (release{t, second}).read(name)) {
			t.Errorf("%s: two builds differ", name)
		}
	}
	r.checkArchives()
	r.checkPackages()
	r.checkManifests()
	r.checkInstallation()
}

// release is a folder with a release.
type release struct {
	t   *testing.T
	dir string
}

func (r release) files() []string {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (r release) read(name string) []byte {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Error(err)
	}
	return data
}

// tool runs a tool of a Debian package in the release's folder.
func (r release) tool(pkg string, args ...string) string {
	r.t.Helper()
	return run(r.t, r.dir, nil, append([]string{rig.Need(r.t, args[0], pkg)}, args[1:]...)...)
}

func (r release) wants(what, text string, parts ...string) {
	r.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			r.t.Errorf("%s: got no %q in\n%s", what, part, text)
		}
	}
}

// inside is what archives and packages have besides the program.
var inside = []string{"LICENCES-OF-PARTS.txt", "README.md", "CHANGELOG.md"}

func (r release) checkArchives() {
	for _, name := range artefacts() {
		switch {
		case strings.HasSuffix(name, ".tar.gz"):
			list := r.tool("tar", "tar", "-tvzf", name)
			r.wants(name, list, append(inside, "-rwxr-xr-x root/root", "/picoca\n", "/LICENSE", "completions/picoca.bash", "completions/picoca.fish")...)
		case strings.HasSuffix(name, ".zip"):
			r.tool("unzip", "unzip", "-tq", name)
			r.wants(name, r.tool("unzip", "unzip", "-l", name), append(inside, "/picoca.exe", "/LICENSE", "picoca.powershell")...)
		}
	}
	base := "picoca-" + number + "-linux-amd64"
	unpacked := r.t.TempDir()
	r.tool("tar", "tar", "-C", unpacked, "-xzf", base+".tar.gz")
	r.wants("the program", run(r.t, unpacked, nil, base+"/picoca", "--version"), "picoca version "+version+" (commit ", " of 2026-11-26)")
	r.wants("the licences", string(must(os.ReadFile(filepath.Join(unpacked, base, "LICENCES-OF-PARTS.txt")))), "spf13/cobra", "mousetrap", "Go's library")
	r.tool("coreutils", "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	if got, want := strings.Count(string(r.read("SHA256SUMS")), "\n"), len(artefacts())-1; got != want {
		r.t.Errorf("SHA256SUMS: got %d lines, want %d", got, want)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// installed are the files that every package has.
var installed = append([]string{"/usr/bin/picoca", "/usr/share/bash-completion/completions/picoca", "/usr/share/fish/vendor_completions.d/picoca.fish",
	"/_picoca", "/usr/share/doc/picoca/copyright"}, inside...)

func (r release) checkPackages() {
	for _, arch := range [][4]string{{"amd64", "amd64", "x86_64", "x86_64"}, {"arm64", "arm64", "aarch64", "aarch64"}, {"armv6", "armhf", "armv6hl", "armhf"}} {
		base := "picoca-" + number + "-linux-" + arch[0]
		deb := base + ".deb"
		r.wants(deb, r.tool("dpkg", "dpkg-deb", "--info", deb), "Version: "+number+"\n", "Architecture: "+arch[1]+"\n", "Recommends: ca-certificates, libnss3-tools\n")
		r.wants(deb, r.tool("dpkg", "dpkg-deb", "--contents", deb), installed...)
		r.checkRPM(base+".rpm", arch[2])
		r.checkAPK(base+".apk", arch[3])
	}
}

// checkInstallation installs, uses, upgrades and removes the package for this
// computer.
func (r release) checkInstallation() {
	if os.Geteuid() != 0 || runtime.GOARCH != "amd64" {
		r.t.Skip("the bare Debian is made by root, on amd64")
	}
	rig.Need(r.t, "mmdebstrap", "mmdebstrap")
	script, err := filepath.Abs(rig.Root + "/scripts/test-deb.sh")
	if err != nil {
		r.t.Fatal(err)
	}
	r.wants("the session", run(r.t, r.dir, nil, script, "picoca-"+number+"-linux-amd64.deb"), "installed, used, upgraded and removed")
}

func (r release) checkRPM(name, arch string) {
	r.t.Helper()
	r.wants(name, r.tool("rpm", "rpm", "--query", "--info", "--recommends", "--package", name), ": "+number+"\n", "Architecture: "+arch+"\n", "nss-tools\n", "License     : MIT\n")
	r.wants(name, r.tool("rpm", "rpm", "--query", "--list", "--package", name), installed...)
	r.tool("rpm", "rpm", "--checksig", "--nosignature", name) // the digests only
	unpacked := r.t.TempDir()
	// The names in it are absolute, and would be files of this computer.
	rig.Need(r.t, "cpio", "cpio")
	run(r.t, unpacked, nil, "sh", "-c", rig.Need(r.t, "rpm2cpio", "rpm2cpio")+" '"+filepath.Join(r.dir, name)+"' | cpio --quiet -idm --no-absolute-filenames")
	r.checkProgram(name, unpacked)
}

// checkAPK reads a package of Alpine as what it is, two tar files in a row: the
// second one has the files, and the first one its hash.
func (r release) checkAPK(name, arch string) {
	r.t.Helper()
	unpacked := r.t.TempDir()
	r.tool("tar", "tar", "--warning=no-unknown-keyword", "-C", unpacked, "-xzf", name)
	info := string(must(os.ReadFile(filepath.Join(unpacked, ".PKGINFO"))))
	r.wants(name, info, "pkgname = picoca\n", "pkgver = "+number+"\n", "arch = "+arch+"\n", "license = MIT\n", "datahash = ")
	for line := range strings.Lines(info) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, " = ") {
			r.t.Errorf("%s: .PKGINFO has the line %q", name, line)
		}
	}
	r.wants(name, r.tool("tar", "tar", "--warning=no-unknown-keyword", "-tzf", name), "usr/bin/picoca\n", "usr/share/zsh/site-functions/_picoca\n")
	r.checkProgram(name, unpacked)
}

// checkProgram compares the program of a package with the one in the archive for
// the same processor.
func (r release) checkProgram(name, unpacked string) {
	r.t.Helper()
	base := strings.TrimSuffix(name, filepath.Ext(name))
	want := r.tool("tar", "tar", "-xOzf", base+".tar.gz", base+"/picoca")
	if got := must(os.ReadFile(filepath.Join(unpacked, "usr/bin/picoca"))); string(got) != want {
		r.t.Errorf("%s: its program differs from the archive's", name)
	}
}

func (r release) checkManifests() {
	r.tool("ruby", "ruby", "-c", "picoca.rb")
	r.wantsHashes("picoca.rb", "darwin-arm64.tar.gz", "darwin-amd64.tar.gz", "linux-arm64.tar.gz", "linux-amd64.tar.gz")
	r.wantsHashes("picoca.json", "windows-amd64.zip")
	r.wantsHashes("PKGBUILD", "linux-amd64.tar.gz", "linux-arm64.tar.gz", "linux-armv6.tar.gz")
	r.checkPKGBUILD()
	for _, name := range []string{"picoca.json", "picoca-" + number + ".cdx.json"} {
		if !json.Valid(r.read(name)) {
			r.t.Errorf("%s is not JSON", name)
		}
	}
	r.wants("bill of materials", string(r.read("picoca-"+number+".cdx.json")), `"specVersion": "1.6"`, "github.com/spf13/cobra", "BSD-3-Clause", "MIT", `"std"`)
}

// wantsHashes wants a manifest to have an artefact's name, and its hash.
func (r release) wantsHashes(manifest string, suffixes ...string) {
	r.t.Helper()
	for line := range strings.Lines(string(r.read("SHA256SUMS"))) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		for _, suffix := range suffixes {
			if strings.HasSuffix(name, suffix) {
				r.wants(manifest, string(r.read(manifest)), hash, suffix)
			}
		}
	}
}

// checkPKGBUILD packages as makepkg does, which Debian's version does not
// do as root: it sources the file, and calls package beside the sources.
func (r release) checkPKGBUILD() {
	r.t.Helper()
	work := r.t.TempDir()
	r.tool("tar", "tar", "-C", work, "-xzf", "picoca-"+number+"-linux-amd64.tar.gz")
	script := `set -euo pipefail; source "$1"; [ "$pkgver" = ` + number + ` ]; [ ${#source_armv6h[@]} = 1 ]; echo "${source_x86_64[0]}"; pkgdir=$PWD/pkg; package`
	out := run(r.t, work, nil, "bash", "-c", script, "bash", filepath.Join(r.dir, "PKGBUILD"))
	r.wants("PKGBUILD", out, "https://github.com/picoca/picoca/releases/download/"+version+"/picoca-"+number+"-linux-amd64.tar.gz\n")
	for _, name := range []string{"bin/picoca", "share/zsh/site-functions/_picoca", "share/licenses/picoca-bin/LICENSE"} {
		if _, err := os.Stat(filepath.Join(work, "pkg/usr", name)); err != nil {
			r.t.Error(err)
		}
	}
}
