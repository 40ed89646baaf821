package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

// connect returns a client of an agent with those keys, called key-0, key-1, ...
func connect(t *testing.T, private ...any) (*Agent, *testpki.SSHAgent) {
	t.Helper()
	server := testpki.NewSSHAgent()
	for i, key := range private {
		if err := server.Add(agent.AddedKey{PrivateKey: key, Comment: "key-" + string(rune('0'+i))}); err != nil {
			t.Fatal(err)
		}
	}
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = agent.ServeAgent(server, theirs) // ends with the pipe
	}()
	client := newAgent("socket", ours)
	t.Cleanup(func() {
		_ = client.Close()
		<-done
	})
	return client, server
}

func newECDSA(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// selfSigned makes a certificate that the key signs, as package ca makes a root.
func selfSigned(key crypto.Signer) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A"}, NotAfter: time.Unix(1<<32, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func TestSignerSignsCertificates(t *testing.T) {
	for _, row := range []struct {
		key  crypto.Signer
		want x509.SignatureAlgorithm
	}{
		{newECDSA(t, elliptic.P256()), x509.ECDSAWithSHA256},
		{newECDSA(t, elliptic.P384()), x509.ECDSAWithSHA384},
		{newRSA(t), x509.SHA256WithRSA},
	} {
		client, _ := connect(t, row.key)
		key, err := client.Find("")
		if err != nil {
			t.Fatal(err)
		}
		cert, err := selfSigned(client.Signer(key))
		if err != nil {
			t.Fatal(err)
		}
		if got := cert.SignatureAlgorithm; got != row.want {
			t.Errorf("got %v, want %v", got, row.want)
		}
		if err := cert.CheckSignatureFrom(cert); err != nil {
			t.Errorf("%v: %v", row.want, err)
		}
	}
}

func TestFindChoosesByCommentOrFingerprint(t *testing.T) {
	first, second := newECDSA(t, elliptic.P256()), newRSA(t)
	client, _ := connect(t, first, second)
	byComment, err := client.Find("key-1")
	if err != nil {
		t.Fatal(err)
	}
	if !second.PublicKey.Equal(byComment.Public) {
		t.Errorf("key-1 is %T, want the RSA key", byComment.Public)
	}
	byFingerprint, err := client.Find(byComment.Fingerprint)
	if err != nil || !second.PublicKey.Equal(byFingerprint.Public) {
		t.Errorf("%s is %T, want the RSA key (%v)", byComment.Fingerprint, byFingerprint.Public, err)
	}
}

func TestFindFailsWithoutOneKey(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := newECDSA(t, elliptic.P256())
	for name, row := range map[string]struct {
		keys []any
		want string
		text string
	}{
		"none":      {nil, "", "holds no key, or is locked"},
		"unusable":  {[]any{&ed}, "", "no key that can sign certificates"},
		"its kind":  {[]any{&ed}, "key-0", `key "key-0" in the SSH agent is of a kind`},
		"P-521":     {[]any{newECDSA(t, elliptic.P521())}, "key-0", "is of a kind"},
		"several":   {[]any{p256, newRSA(t)}, "", "holds 2 keys that can sign certificates"},
		"not there": {[]any{p256}, "other", `does not hold the key "other"`},
	} {
		client, _ := connect(t, row.keys...)
		_, err := client.Find(row.want)
		if err == nil || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: got error %v, want one with %q", name, err, row.text)
		}
	}
}

func TestFindOfALockedAgent(t *testing.T) {
	client, server := connect(t, newECDSA(t, elliptic.P256()))
	if err := server.Lock([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Find(""); err == nil || !strings.Contains(err.Error(), "is locked") {
		t.Errorf("got error %v, want that it is locked", err)
	}
}

func TestUnusableKeys(t *testing.T) {
	small, err := ssh.NewPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		entry *agent.Key
		want  string
	}{
		"FIDO":     {&agent.Key{Format: ssh.KeyAlgoSKECDSA256}, "FIDO"},
		"RSA-1024": {&agent.Key{Format: ssh.KeyAlgoRSA, Blob: small.Marshal()}, "less than the 2048 bits"},
		"nonsense": {&agent.Key{Format: ssh.KeyAlgoRSA, Blob: []byte("nonsense")}, "cannot be read"},
	} {
		if _, why := usable(row.entry); !strings.Contains(why, row.want) {
			t.Errorf("%s: got %q, want the reason %q", name, why, row.want)
		}
	}
}

// TestCertificateOfAKeyIsNoSecondKey: ssh-add loads an OpenSSH certificate beside
// its key, under the same comment.
func TestCertificateOfAKeyIsNoSecondKey(t *testing.T) {
	key := newECDSA(t, elliptic.P256())
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	client, server := connect(t, key)
	if err := server.Add(agent.AddedKey{PrivateKey: key, Certificate: cert, Comment: "key-0"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"", "key-0"} {
		if got, err := client.Find(want); err != nil || !key.PublicKey.Equal(got.Public) {
			t.Errorf("Find(%q): got %T, %v, want the key", want, got.Public, err)
		}
	}
}

// TestSilentAgent that takes every question and answers none: it is given up after
// a time, or when the user interrupts.
func TestSilentAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func() *Agent {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs) // until ours is closed
			return newAgent("socket", ours)
		}
		began := time.Now()
		_, err := silent().Find("")
		if got, ok := errors.AsType[*SilentError](err); !ok || got.After != listTime || time.Since(began) != listTime {
			t.Errorf("Find: got error %v after %v, want a SilentError after %v", err, time.Since(began), listTime)
		}
		key, err := usableKey(newECDSA(t, elliptic.P256()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = silent().Signer(key).SignMessage(nil, nil, crypto.SHA256); !errors.As(err, new(*SilentError)) || fault.HintOf(err).IsZero() {
			t.Errorf("SignMessage: got error %v, want a SilentError with a hint", err)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		client := silent()
		defer client.EndWith(ctx)()
		time.AfterFunc(time.Second, interrupt)
		if _, err = client.Signer(key).SignMessage(nil, nil, crypto.SHA256); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: got error %v, want context.Canceled", err)
		}
		if err := client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// usableKey is a key as Find returns it.
func usableKey(key crypto.Signer) (Key, error) {
	blob, err := ssh.NewPublicKey(key.Public())
	return Key{Public: key.Public(), blob: blob}, err
}

// TestSomethingElseListens at the socket, or an agent that breaks off.
func TestSomethingElseListens(t *testing.T) {
	for name, answer := range map[string]string{
		"breaks off": "", "speaks HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "says nothing": "\x00\x00\x00\x00", "breaks off within": "\x00\x00\x00\x10\x0c",
	} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = theirs.Read(make([]byte, 100))
			_, _ = theirs.Write([]byte(answer))
			_ = theirs.Close()
		}()
		_, err := newAgent("socket", ours).Find("")
		if got, ok := errors.AsType[*NoAgentError](err); !ok || got.Socket != "socket" || !errors.Is(err, errBroken) {
			t.Errorf("%s: got error %v, want a NoAgentError of the socket", name, err)
		}
	}
}

// TestAgentThatDoesNotListItsKeys: one that wants to be unlocked first.
func TestAgentThatDoesNotListItsKeys(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Read(make([]byte, 100))
		_, _ = theirs.Write([]byte{0, 0, 0, 1, 5}) // SSH_AGENT_FAILURE
	}()
	if _, err := newAgent("socket", ours).Find(""); !errors.Is(err, errNoList) {
		t.Errorf("got error %v, want errNoList", err)
	}
}

func TestSignerFails(t *testing.T) {
	rsaKey := newRSA(t)
	t.Run("the user refuses", func(t *testing.T) {
		client, server := connect(t, rsaKey)
		key, err := client.Find("")
		if err != nil {
			t.Fatal(err)
		}
		server.Refuses.Store(true)
		if _, err := selfSigned(client.Signer(key)); !errors.Is(err, errRefused) {
			t.Errorf("got error %v, want errRefused", err)
		}
	})
	t.Run("the key was removed", func(t *testing.T) {
		client, server := connect(t, rsaKey, newECDSA(t, elliptic.P256()))
		key, err := client.Find("key-0")
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Remove(key.blob); err != nil {
			t.Fatal(err)
		}
		_, err = selfSigned(client.Signer(key))
		if got, ok := errors.AsType[*NoKeyError](err); !ok || got.Comment != "key-0" || got.Held != 1 {
			t.Errorf("got error %v, want a NoKeyError for key-0 of an agent that holds one key", err)
		}
	})
	t.Run("SHA-1", func(t *testing.T) {
		client, server := connect(t, rsaKey)
		key, err := client.Find("")
		if err != nil {
			t.Fatal(err)
		}
		server.IgnoresFlags.Store(true)
		if _, err := selfSigned(client.Signer(key)); err == nil || !strings.Contains(err.Error(), `"ssh-rsa"`) {
			t.Errorf("got error %v, want that it signed as ssh-rsa", err)
		}
	})
	t.Run("digests and other hashes", func(t *testing.T) {
		client, _ := connect(t, rsaKey)
		key, err := client.Find("")
		if err != nil {
			t.Fatal(err)
		}
		signer := client.Signer(key)
		if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); !errors.Is(err, errDigest) {
			t.Errorf("Sign: got error %v, want errDigest", err)
		}
		if _, err := signer.SignMessage(nil, nil, crypto.SHA512); err == nil {
			t.Error("SignMessage signs with SHA-512")
		}
		if _, err := signer.SignMessage(nil, nil, &rsa.PSSOptions{Hash: crypto.SHA256}); err == nil {
			t.Error("SignMessage signs with PSS")
		}
	})
	t.Run("the agent ends", func(t *testing.T) {
		client, _ := connect(t, rsaKey)
		key, err := client.Find("")
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Signer(key).SignMessage(nil, nil, crypto.SHA256); err == nil {
			t.Error("it signs without a connection")
		}
	})
}

func TestDialFailsWithoutAnAgent(t *testing.T) {
	for _, socket := range []string{"", filepath.Join(t.TempDir(), "socket")} {
		_, err := Dial(socket)
		got, ok := errors.AsType[*NoAgentError](err)
		if !ok || got.Socket != socket && systemAgent == "" {
			t.Errorf("Dial(%q): got error %v, want a NoAgentError", socket, err)
		}
	}
}

func TestStartingAnAgent(t *testing.T) {
	for system, want := range map[string]string{"linux": "ssh-agent)", "windows": "sc.exe start ssh-agent;"} {
		if got := startAgent(system).Text(nil); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q in it", system, got, want)
		}
	}
}
