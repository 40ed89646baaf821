package export

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// each runs test with the P-256 and the RSA device.
func eachKey(t *testing.T, test func(t *testing.T, b Bundle)) {
	for _, leaf := range []string{"device", "device-rsa"} {
		t.Run(leaf, func(t *testing.T) { test(t, fixedBundle(t, leaf)) })
	}
}

func render(t *testing.T, form []Spec, b Bundle) map[string][]byte {
	t.Helper()
	files, err := Render(b, form...)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		all[file.Name] = file.Data
	}
	return all
}

// sameKey fails unless der is b's key in the traditional form of its type.
func sameTraditional(t *testing.T, der []byte, b Bundle) {
	t.Helper()
	var got crypto.Signer
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		got = key
	} else if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		got = key
	} else {
		t.Fatal("key is neither SEC1 nor PKCS#1")
	}
	if !got.(interface{ Equal(crypto.PrivateKey) bool }).Equal(b.Key) {
		t.Error("key is another one")
	}
}

func TestDERIsTraditional(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		files := render(t, deviceSpecs("der"), b)
		if !bytes.Equal(files["cert.der"], b.Leaf.Raw) {
			t.Error("cert.der is not the certificate")
		}
		sameTraditional(t, files["key.der"], b)
	})
}

func TestPEMIsTheDERInPEM(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		der, files := render(t, deviceSpecs("der"), b), render(t, deviceSpecs("pem"), b)
		for _, pair := range [][2]string{{"cert.pem", "cert.der"}, {"key.pem", "key.der"}} {
			block, rest := pem.Decode(files[pair[0]])
			if block == nil || len(rest) > 0 || !bytes.Equal(block.Bytes, der[pair[1]]) {
				t.Errorf("%s does not hold only %s", pair[0], pair[1])
			}
		}
	})
}

func TestPKCS8HoldsTheKey(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		for name, form := range map[string][]Spec{"key.pem": deviceSpecs("pkcs8"), "privkey.pem": deviceSpecs("pem-chain")} {
			block, _ := pem.Decode(render(t, form, b)[name])
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil || block.Type != "PRIVATE KEY" || !key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(b.Key) {
				t.Errorf("%s: got %s, %v; want the key as PRIVATE KEY", name, block.Type, err)
			}
		}
	})
}

// TestChainVerifies: the file, leaf first, is all that a client needs that
// trusts the last certificate in it.
func TestChainVerifies(t *testing.T) {
	b := fixedBundle(t, "device")
	first, rest := pem.Decode(render(t, deviceSpecs("pem-chain"), b)["fullchain.pem"])
	roots := x509.NewCertPool()
	if first == nil || !bytes.Equal(first.Bytes, b.Leaf.Raw) || !roots.AppendCertsFromPEM(rest) {
		t.Fatal("fullchain.pem is not the leaf and its root")
	}
	if _, err := b.Leaf.Verify(x509.VerifyOptions{DNSName: "pico.local", Roots: roots, CurrentTime: fixedTime}); err != nil {
		t.Error(err)
	}
}

func TestRootFormatsHoldTheRoot(t *testing.T) {
	b := fixedBundle(t, "")
	if data := render(t, rootSpecs("crt"), b)["picoca-root.crt"]; !bytes.Equal(data, b.Root.Raw) {
		t.Error("picoca-root.crt is not the root in DER, as Android's picker wants it")
	}
	if data := render(t, rootSpecs("der"), b)["picoca-root.der"]; !bytes.Equal(data, b.Root.Raw) {
		t.Error("picoca-root.der is not the root in DER")
	}
	if block, _ := pem.Decode(render(t, rootSpecs("pem"), b)["picoca-root.pem"]); block == nil || !bytes.Equal(block.Bytes, b.Root.Raw) {
		t.Error("picoca-root.pem is not the root in PEM")
	}
}

// TestESPFilesAreTheExamples: programs that began as ESP-IDF's examples build
// with these files in the place of the examples' own.
func TestESPFilesAreTheExamples(t *testing.T) {
	b := fixedBundle(t, "device")
	for form, names := range map[string][3]string{
		"server": {"servercert.pem", "prvtkey.pem", "cacert.pem"},
		"client": {"client.crt", "client.key", "cacert.pem"},
	} {
		files := render(t, map[string][]Spec{"server": deviceSpecs("esp-idf"), "client": clientSpecs("esp-idf")}[form], b)
		cert, _ := pem.Decode(files[names[0]])
		key, _ := pem.Decode(files[names[1]])
		root, _ := pem.Decode(files[names[2]])
		if len(files) != 3 || cert == nil || key == nil || root == nil {
			t.Fatalf("%s: got %d files, want %q", form, len(files), names)
		}
		sameTraditional(t, key.Bytes, b)
		if !bytes.Equal(cert.Bytes, b.Leaf.Raw) || !bytes.Equal(root.Bytes, b.Root.Raw) {
			t.Errorf("%s: certificate or root is another one", form)
		}
	}
}

var (
	array  = regexp.MustCompile(`(?s)static const unsigned char (\w+)\[\] = \{(.*?)\};\nstatic const unsigned int (\w+)_len = (\d+);`)
	number = regexp.MustCompile(`0x[0-9a-f]{2}`)
)

// arrays reads the arrays of a C header.
func arrays(t *testing.T, header []byte) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, m := range array.FindAllSubmatch(header, -1) {
		var data []byte
		for _, hex := range number.FindAll(m[2], -1) {
			c, err := strconv.ParseUint(string(hex[2:]), 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, byte(c))
		}
		if length, _ := strconv.Atoi(string(m[4])); length != len(data) || string(m[1]) != string(m[3]) {
			t.Errorf("array %s has %d bytes, and its length says %s", m[1], len(data), m[4])
		}
		all[string(m[1])] = data
	}
	return all
}

func TestCHeaderHoldsTheDER(t *testing.T) {
	eachKey(t, func(t *testing.T, b Bundle) {
		got, der := arrays(t, render(t, deviceSpecs("c-header"), b)["picoca_cert.h"]), render(t, deviceSpecs("der"), b)
		want := map[string][]byte{"picoca_cert_der": der["cert.der"], "picoca_key_der": der["key.der"], "picoca_root_der": b.Root.Raw}
		for name := range want {
			if !bytes.Equal(got[name], want[name]) {
				t.Errorf("array %s differs from the DER", name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("arrays: got %d, want %d", len(got), len(want))
		}
	})
}

// TestCHeaderCommentHoldsAnyLabel: a label is free text, and must not end the
// comment around it.
func TestCHeaderCommentHoldsAnyLabel(t *testing.T) {
	b := fixedBundle(t, "client")
	for _, label := range []string{`a\`, `a??/`, "*/ int x; /*", "a\nint x;"} {
		leaf := *b.Leaf
		leaf.Subject.CommonName = label
		b.Leaf = &leaf
		first, rest, _ := strings.Cut(string(render(t, deviceSpecs("c-header"), b)["picoca_cert.h"]), "\n")
		if !strings.HasPrefix(first, `// "`) || strings.HasSuffix(first, `\`) || !strings.HasPrefix(rest, "#ifndef") {
			t.Errorf("label %q: comment is %q", label, first)
		}
	}
}

// TestOtherKeysHaveNoBoardForm: no board loads them, so no file is made.
func TestOtherKeysHaveNoBoardForm(t *testing.T) {
	b := fixedBundle(t, "device")
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Key = key
	for name, form := range map[string][]Spec{"der": deviceSpecs("der"), "pem": deviceSpecs("pem"), "c-header": deviceSpecs("c-header"), "esp-idf": deviceSpecs("esp-idf")} {
		files, err := Render(b, form...)
		var fault KeyError
		if !errors.As(err, &fault) || files != nil || !pub.Equal(fault.Key) {
			t.Errorf("%s: got %d files, %v; want a KeyError", name, len(files), err)
		}
	}
}

func deviceSpecs(id string) []Spec { return formatOf(id).Device }
func clientSpecs(id string) []Spec { return formatOf(id).Client }
func rootSpecs(id string) []Spec   { return formatOf(id).CA }

func formatOf(id string) Format {
	format, err := Find(id)
	if err != nil {
		panic(err)
	}
	return format
}
