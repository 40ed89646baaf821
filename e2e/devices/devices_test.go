package devices

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/micromdm/plist"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

// run runs a tool of Debian's package pkg with data on its standard input.
func run(t *testing.T, data []byte, pkg, tool string, args ...string) []byte {
	t.Helper()
	path := rig.Need(t, tool, pkg)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(data)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", tool, strings.Join(args, " "), err, out, errs.Bytes())
	}
	return out
}

func openssl(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	return run(t, data, "openssl", "openssl", args...)
}

// uses are all that a device can be asked for.
var uses = []device.Use{device.UseServer, device.UseClient, device.UseBoth, device.UseTrust}

// targets are all devices, and each of their firmware.
func targets(t *testing.T) []device.Target {
	t.Helper()
	var all []device.Target
	for _, d := range device.All() {
		texts := []string{d.ID}
		for _, f := range d.Firmware {
			texts = append(texts, d.ID+"/"+f.ID)
		}
		for _, text := range texts {
			if target, err := device.ParseTarget(text); err == nil {
				all = append(all, target)
			} else if text != d.ID {
				t.Error(err)
			}
		}
	}
	return all
}

// TestEveryDeviceFileOpens renders the files of every device, use and
// recommended key, and opens each kind with a program that reads it.
func TestEveryDeviceFileOpens(t *testing.T) {
	opened, devices := map[string]bool{}, map[string]bool{}
	for _, target := range targets(t) {
		rootKey := cmp.Or(strings.Join(target.RootKeys()[:min(1, len(target.RootKeys()))], ""), "p256")
		for _, key := range target.Keys() {
			b := bundle(t, key, rootKey)
			for _, use := range uses {
				files, err := target.Files(key, use)
				if err != nil {
					continue // which uses exist is held by the package's own tests
				}
				devices[target.Device.ID] = true
				for _, file := range files {
					id := fmt.Sprint(file.Content, file.Password.Fixed, key, rootKey)
					rendered := render(t, target, b, file)
					if err := file.Fits(len(rendered.Data)); err != nil {
						t.Errorf("%s: %v", target, err)
					}
					if !opened[id] {
						opened[id] = true
						t.Run(strings.ReplaceAll(target.String(), "/", " ")+"/"+file.Name+"/"+key, func(t *testing.T) { open(t, b, file, rendered) })
					}
				}
			}
		}
	}
	if len(devices) != len(device.IDs()) {
		t.Errorf("files of %d devices were opened, want %d", len(devices), len(device.IDs()))
	}
}

func render(t *testing.T, target device.Target, b export.Bundle, file device.File) export.File {
	t.Helper()
	if file.Password.Fixed != "" {
		b.P12.Passphrase = file.Password.Fixed
	}
	files, err := export.Render(b, export.Spec(file.Content))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s, %s: got %d files, %v", target, file.Name, len(files), err)
	}
	if files[0].Private != file.Has("key") {
		t.Errorf("%s, %s: private %v", target, file.Name, files[0].Private)
	}
	return files[0]
}

// openers open one container each, and return the DER of what they found.
var openers = map[string]func(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte{
	"der": openDER, "pem": openPEM, "p12": openP12, "mobileconfig": openProfile, "c-header": openHeader, "c-header-pem": openHeader,
	"pem-line": openLine, "pem-yaml": openYAML, "tasmota": openTasmota,
}

// open compares what a program reads from a file with what it should hold.
func open(t *testing.T, b export.Bundle, file device.File, rendered export.File) {
	opener, ok := openers[file.Container]
	if !ok {
		t.Fatalf("nothing opens a %s", file.Container)
	}
	compare(t, b, file, opener(t, b, file, rendered.Data))
}

// compare wants the parts of a file to be those of a bundle.
func compare(t *testing.T, b export.Bundle, file device.File, got map[string][]byte) {
	public, err := x509.MarshalPKIXPublicKey(b.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string][]byte{"leaf": b.Leaf.Raw, "ca": b.Root.Raw, "crl": b.CRL.Raw, "key": public} {
		if file.Has(part) && !bytes.Equal(got[part], want) {
			t.Errorf("%s is another one, or missing", part)
		} else if !file.Has(part) && got[part] != nil {
			t.Errorf("%s is in it too", part)
		}
	}
}

// publicKey has OpenSSL read a private key, and returns its public key.
func publicKey(t *testing.T, data []byte, form string) []byte {
	t.Helper()
	return openssl(t, data, "pkey", "-inform", form, "-pubout", "-outform", "DER")
}

func openDER(t *testing.T, _ export.Bundle, file device.File, data []byte) map[string][]byte {
	part := file.Parts[0]
	if part == "key" {
		return map[string][]byte{part: publicKey(t, data, "DER")}
	}
	return map[string][]byte{part: openssl(t, data, "x509", "-inform", "DER", "-outform", "DER")}
}

// openPEM reads the parts in the order of the file, each with OpenSSL.
func openPEM(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte {
	got := map[string][]byte{}
	for _, part := range file.Parts {
		block, rest := pem.Decode(data)
		if block == nil {
			t.Fatalf("no PEM for %s", part)
		}
		one := data[:len(data)-len(rest)]
		switch data = rest; part {
		case "key":
			if want := map[string]string{"pkcs8": "PRIVATE KEY", "traditional": traditionalLabel(b.Key)}[file.Key]; block.Type != want {
				t.Errorf("key is a %s, want %s", block.Type, want)
			}
			got[part] = publicKey(t, one, "PEM")
		case "crl":
			got[part] = openssl(t, one, "crl", "-outform", "DER")
		default:
			got[part] = openssl(t, one, "x509", "-outform", "DER")
		}
	}
	if len(data) > 0 {
		t.Errorf("%d more bytes", len(data))
	}
	return got
}

func traditionalLabel(key crypto.Signer) string {
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		return "EC PRIVATE KEY"
	}
	return "RSA PRIVATE KEY"
}

// openP12 has OpenSSL and keytool read a .p12.
func openP12(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte {
	password := cmp.Or(file.Password.Fixed, b.P12.Passphrase)
	name := filepath.Join(t.TempDir(), "file.p12")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	list := string(run(t, nil, "default-jdk-headless", "keytool", "-list", "-v", "-J-Duser.language=en", "-storetype", "PKCS12", "-keystore", name, "-storepass", password))
	entry, chain := "PrivateKeyEntry", len(file.Parts)-1
	if !file.Has("key") {
		entry = "trustedCertEntry"
	} else if !strings.Contains(list, fmt.Sprintf("chain length: %d\n", chain)) {
		t.Errorf("keytool does not list a chain of %d:\n%s", chain, list)
	}
	if !strings.Contains(list, entry) {
		t.Errorf("keytool lists no %s:\n%s", entry, list)
	}
	return openP12Quickly(t, b, file, data)
}

// openP12Quickly does without keytool, which takes a second.
func openP12Quickly(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte {
	password := cmp.Or(file.Password.Fixed, b.P12.Passphrase)
	return parts(t, b, openssl(t, data, "pkcs12", "-passin", "pass:"+password, "-noenc"))
}

// parts sorts PEM blocks by what they are.
func parts(t *testing.T, b export.Bundle, text []byte) map[string][]byte {
	t.Helper()
	got := map[string][]byte{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		one := pem.EncodeToMemory(block)
		switch {
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			got["key"] = publicKey(t, one, "PEM")
		case bytes.Equal(block.Bytes, b.Root.Raw):
			got["ca"] = openssl(t, one, "x509", "-outform", "DER")
		default:
			got["leaf"] = openssl(t, one, "x509", "-outform", "DER")
		}
	}
	return got
}

// openProfile reads an Apple profile as a property list, and its .p12 with
// OpenSSL.
func openProfile(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte {
	var profile struct {
		PayloadContent []struct {
			PayloadType    string
			PayloadContent []byte
		}
	}
	if err := plist.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for _, payload := range profile.PayloadContent {
		switch payload.PayloadType {
		case "com.apple.security.root":
			got["ca"] = openssl(t, payload.PayloadContent, "x509", "-inform", "DER", "-outform", "DER")
		case "com.apple.security.pkcs12":
			identity := file
			identity.Container, identity.Parts = "p12", []string{"key", "leaf"}
			maps.Copy(got, openP12(t, b, identity, payload.PayloadContent))
		}
	}
	return got
}

// headerNames are what a program calls the parts.
var headerNames = map[string]string{"leaf": "picoca_cert", "key": "picoca_key", "ca": "picoca_root"}

// openHeader compiles a program with the header, which prints each part.
func openHeader(t *testing.T, _ export.Bundle, file device.File, data []byte) map[string][]byte {
	dir, got := t.TempDir(), map[string][]byte{}
	form := "DER"
	for _, part := range file.Parts {
		name := headerNames[part]
		size := name + "_der, 1, " + name + "_der_len"
		if file.Container == "c-header-pem" {
			form, size = "PEM", name+"_pem, 1, sizeof "+name+"_pem - 1"
		}
		program := "#include <stdio.h>\n#include \"file.h\"\nint main(void) { return fwrite(" + size + ", stdout) == 0; }\n"
		for name, text := range map[string][]byte{"file.h": data, "main.c": []byte(program)} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run(t, nil, "gcc", "cc", "-std=c99", "-pedantic-errors", "-o", filepath.Join(dir, "main"), filepath.Join(dir, "main.c"))
		out := run(t, nil, "gcc", filepath.Join(dir, "main"))
		if part == "key" {
			got[part] = publicKey(t, out, form)
		} else {
			got[part] = openssl(t, out, "x509", "-inform", form, "-outform", "DER")
		}
	}
	return got
}

// openLine puts the line between the quotes of a JSON string.
func openLine(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte {
	var text string
	if err := json.Unmarshal([]byte(`"`+strings.TrimSuffix(string(data), "\n")+`"`), &text); err != nil {
		t.Fatal(err)
	}
	return openPEM(t, b, file, []byte(text))
}

// openYAML reads a literal block: "|-", and lines that are indented alike.
func openYAML(t *testing.T, b export.Bundle, file device.File, data []byte) map[string][]byte {
	text, ok := strings.CutPrefix(string(data), "|-\n")
	if !ok || !regexp.MustCompile(`\A(    [^ \n]+( [^ \n]+)*\n)+\z`).MatchString(text) {
		t.Fatalf("no literal block:\n%s", data)
	}
	return openPEM(t, b, file, []byte(strings.ReplaceAll("\n"+text, "\n    ", "\n")[1:]))
}

// openTasmota reads the two lines as Tasmota's console does.
func openTasmota(t *testing.T, b export.Bundle, _ device.File, data []byte) map[string][]byte {
	match := regexp.MustCompile(`\ATLSKey1 (\S+)\nTLSKey2 (\S+)\n\z`).FindSubmatch(data)
	if match == nil {
		t.Fatalf("no two lines:\n%s", data)
	}
	scalar, err := base64.StdEncoding.DecodeString(string(match[1]))
	if err != nil || len(scalar) != 32 {
		t.Fatalf("key has %d bytes, %v", len(scalar), err)
	}
	key, err := ecdsa.ParseRawPrivateKey(b.Key.(*ecdsa.PrivateKey).Curve, scalar)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(string(match[2]))
	if err != nil || len(match[2]) > 1023 {
		t.Fatalf("certificate in %d characters, %v", len(match[2]), err)
	}
	return map[string][]byte{"key": public, "leaf": openssl(t, der, "x509", "-inform", "DER", "-outform", "DER")}
}

// TestUniFiStepImports runs the step that gives the key its alias, on a
// keystore that has one.
func TestUniFiStepImports(t *testing.T) {
	target, err := device.ParseTarget("unifi")
	if err != nil {
		t.Fatal(err)
	}
	files, err := target.Files("p256", device.UseServer)
	if err != nil {
		t.Fatal(err)
	}
	dir, imported := t.TempDir(), 0
	keystore := filepath.Join(dir, "keystore")
	run(t, nil, "default-jdk-headless", "keytool", "-genkeypair", "-alias", "unifi", "-keyalg", "RSA", "-dname", "CN=old", "-keystore", keystore, "-storepass", files[0].Password.Fixed)
	b := bundle(t, "p256", "p256")
	if err := os.WriteFile(filepath.Join(dir, files[0].Name), render(t, target, b, files[0]).Data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range target.Steps(files, device.UseServer, device.Place{Folder: dir}) {
		if strings.Contains(step.Run, "keytool") {
			imported++
			command := strings.NewReplacer("sudo ", "", "/usr/lib/unifi/data/keystore", keystore, "unifi.p12", filepath.Join(dir, "unifi.p12")).Replace(step.Run)
			run(t, nil, "dash", "sh", "-c", command)
		}
	}
	list := string(run(t, nil, "default-jdk-headless", "keytool", "-list", "-rfc", "-J-Duser.language=en", "-alias", "unifi", "-keystore", keystore, "-storepass", files[0].Password.Fixed))
	block, _ := pem.Decode([]byte(list[max(0, strings.Index(list, "-----BEGIN")):]))
	if imported != 1 || block == nil || !bytes.Equal(block.Bytes, b.Leaf.Raw) {
		t.Errorf("%d imports; alias unifi is\n%s", imported, list)
	}
}
