package keys

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// answering is an agent that sends the same bytes to whatever it is asked.
func answering(t *testing.T, answer string) *Agent {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer theirs.Close()
		var size [4]byte
		if _, err := io.ReadFull(theirs, size[:]); err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, theirs, int64(binary.BigEndian.Uint32(size[:])))
		_, _ = io.WriteString(theirs, answer)
	}()
	t.Cleanup(func() {
		_ = ours.Close()
		<-done
	})
	return &Agent{ours}
}

// TestAnswersThatCannotBeRead are errors, of agents that end, refuse, or speak
// something else.
func TestAnswersThatCannotBeRead(t *testing.T) {
	for answer, want := range map[string]string{
		"":                                     "closed the connection",
		"\x00\x00":                             "closed the connection",
		"\x00\x00\x00\x09\x0c":                 "closed the connection",
		"\x00\x00\x00\x00":                     "cannot be read",
		"HTTP/1.1 400 Bad Request\r\n":         "cannot be read", // a size of 1.2 GB
		"\x00\x00\x00\x01\x05":                 errRefused.Error(),
		"\x00\x00\x00\x01\x0c":                 "holds no key",
		"\x00\x00\x00\x05\x0c\x00\x00\x00\x01": "cannot be read",
		"\x00\x00\x00\x05\x0c\xff\xff\xff\xff": "cannot be read",
		"\x00\x00\x00\x0d\x0c\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x00": "cannot be read",
	} {
		_, err := answering(t, answer).Find("")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", answer, err, want)
		}
	}
	key := entry{blob: []byte("blob")}
	for _, answer := range []string{"\x00\x00\x00\x01\x0e", "\x00\x00\x00\x05\x0e\x00\x00\x00\x00", "\x00\x00\x00\x09\x0e\x00\x00\x00\x04\x00\x00\x00\x01"} {
		if _, _, err := answering(t, answer).sign(key, nil, 0); !errors.Is(err, errGarbled) {
			t.Errorf("sign %q: got %v, want %v", answer, err, errGarbled)
		}
	}
}

// FuzzPublicKey: a key is read as golang.org/x/crypto/ssh reads it, or not at
// all.
func FuzzPublicKey(f *testing.F) {
	for _, key := range []any{&newECDSA(f, elliptic.P256()).PublicKey, &newECDSA(f, elliptic.P521()).PublicKey, &newRSA(f).PublicKey} {
		public, err := ssh.NewPublicKey(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(public.Marshal())
	}
	f.Add([]byte(rand.Text()))
	f.Fuzz(func(t *testing.T, blob []byte) {
		_, _ = ecdsaSignature(blob)
		got, why := entry{blob: blob}.public()
		if why != "" {
			return
		}
		theirs, err := ssh.ParsePublicKey(blob)
		if err != nil {
			t.Fatalf("got %v, want %v", got, err)
		}
		want := theirs.(ssh.CryptoPublicKey).CryptoPublicKey()
		if !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
