package devices

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/cli"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

// An issuer is a CA that the command line makes and uses, in this process.
type issuer struct {
	t    *testing.T
	home string
}

func newIssuer(t *testing.T, key string) issuer {
	t.Helper()
	i := issuer{t, filepath.Join(t.TempDir(), "ca")}
	i.picoca("init", "--no-passphrase", "--key", key)
	return i
}

// picoca runs a command as the program does.
func (i issuer) picoca(args ...string) {
	i.t.Helper()
	var out bytes.Buffer
	env := cli.Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Now: time.Now,
		Getenv: func(name string) string { return map[string]string{"PICOCA_HOME": i.home}[name] },
	}
	if code := cli.Main(i.t.Context(), env); code != 0 {
		i.t.Fatalf("picoca %s: code %d\n%s", strings.Join(args, " "), code, out.String())
	}
}

// issue issues a certificate for a target, and returns the folder of its files and
// what should be in them.
func (i issuer) issue(command, name, key string, target device.Target, files []device.File) (string, export.Bundle) {
	i.t.Helper()
	folder := i.t.TempDir()
	args := []string{command, name, "--for", target.String(), "--key", key, "--out", filepath.Join(folder, "files")}
	if slices.ContainsFunc(files, device.File.NeedsPassphrase) && files[0].Password.Fixed == "" {
		file := filepath.Join(folder, "passphrase")
		rig.WriteFile(i.t, file, passphrase+"\n")
		args = append(args, "--p12-passphrase-file", file)
	}
	i.picoca(args...)
	return filepath.Join(folder, "files"), i.bundle(name)
}

// bundle reads what the CA keeps of the only certificate of a name, and its root.
func (i issuer) bundle(name string) export.Bundle {
	i.t.Helper()
	holder := name
	if !strings.Contains(name, ".") {
		holder = "client_" + name + "_*"
	}
	one := func(elem ...string) []byte {
		found, err := filepath.Glob(filepath.Join(append([]string{i.home}, elem...)...))
		if err != nil || len(found) != 1 {
			i.t.Fatalf("%q: got %q, %v", elem, found, err)
		}
		block, _ := pem.Decode(rig.ReadFile(i.t, found[0]))
		return block.Bytes
	}
	b := export.Bundle{P12: export.P12{Passphrase: passphrase}}
	var errs [4]error
	b.Leaf, errs[0] = x509.ParseCertificate(one("issued", holder, "*", "cert.pem"))
	b.Root, errs[1] = x509.ParseCertificate(one("roots", "*", "cert.pem"))
	b.CRL, errs[2] = x509.ParseRevocationList(one("roots", "*", "crl.pem"))
	var key any
	key, errs[3] = x509.ParsePKCS8PrivateKey(one("issued", holder, "*", "key.pem"))
	for _, err := range errs {
		if err != nil {
			i.t.Fatal(err)
		}
	}
	b.Key = key.(crypto.Signer)
	return b
}

// TestIssueWritesWhatDevicesOpen has issue and identity write the files of every
// device and firmware, and opens one of each kind with a program that reads it.
func TestIssueWritesWhatDevicesOpen(t *testing.T) {
	issuers := map[string]issuer{}
	written, opened := map[string]bool{}, map[string]bool{}
	for n, target := range targets(t) {
		rootKey := cmp.Or(strings.Join(target.RootKeys()[:min(1, len(target.RootKeys()))], ""), string(ca.P256))
		if _, made := issuers[rootKey]; !made {
			issuers[rootKey] = newIssuer(t, rootKey)
		}
		key := target.Keys()[0]
		for use, row := range map[device.Use][2]string{
			device.UseServer: {"issue", fmt.Sprintf("d%d.local", n)}, device.UseClient: {"identity", fmt.Sprintf("d%d", n)},
		} {
			files, err := target.Files(key, use)
			if err != nil {
				continue // which uses exist is held by the package's own tests
			}
			written[target.Device.ID] = true
			t.Run(strings.ReplaceAll(target.String(), "/", " ")+"/"+row[0], func(t *testing.T) {
				i := issuer{t, issuers[rootKey].home}
				folder, b := i.issue(row[0], row[1], key, target, files)
				checkWritten(t, folder, row[1], b, files, opened)
			})
		}
	}
	for _, d := range device.All() {
		trustOnly := !slices.ContainsFunc(d.Firmware, func(f device.Firmware) bool {
			return slices.Contains(f.Uses, device.UseServer) || slices.Contains(f.Uses, device.UseClient)
		})
		if !written[d.ID] && !trustOnly {
			t.Errorf("no files were written for %s", d.ID)
		}
	}
}

// checkWritten wants exactly the files of a device in a folder, private where they
// hold a key, and opens those of a kind that was not opened before.
func checkWritten(t *testing.T, folder, name string, b export.Bundle, files []device.File, opened map[string]bool) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != len(files) {
		t.Fatalf("%d files, %v; want %d", len(entries), err, len(files))
	}
	for _, file := range files {
		base := strings.ReplaceAll(file.Name, "{stem}", name)
		path := filepath.Join(folder, base)
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if private := info.Mode().Perm()&0o077 == 0; private != file.Has("key") {
			t.Errorf("%s has mode %v", base, info.Mode())
		}
		if err := file.Fits(int(info.Size())); err != nil {
			t.Error(err)
		}
		kind := file.Content
		kind.Name = ""
		if id := fmt.Sprintf("%v %s %T %v", kind, file.Password.Fixed, b.Key, b.Root.PublicKeyAlgorithm); !opened[id] {
			opened[id] = true
			data := rig.ReadFile(t, path)
			if file.Container == "p12" { // TestEveryDeviceFileOpens has keytool open them
				compare(t, b, file, openP12Quickly(t, b, file, data))
			} else {
				open(t, b, file, export.File{Name: base, Data: data})
			}
		}
	}
}
