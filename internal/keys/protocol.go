package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// Messages of the agent's protocol (draft-ietf-sshm-ssh-agent section 5), of which
// picoca needs two: golang.org/x/crypto/ssh, with all of SSH, would take 200 KB,
// and 0.15 ms of every start.
const (
	requestIdentities = 11
	identitiesAnswer  = 12
	signRequest       = 13
	signResponse      = 14

	flagSHA256 = 2 // of an RSA signature; without it agents use SHA-1
)

// maxMessage is the largest message that OpenSSH's agent sends or takes.
const maxMessage = 256 << 10

// ask sends a message and returns the content of the answer. Any other kind of
// answer than want is a refusal, which has no words of its own.
func (a *Agent) ask(message []byte, want byte) (*wire, error) {
	if _, err := a.conn.Write(appendText(nil, message)); err != nil {
		return nil, lost(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(a.conn, size[:]); err != nil {
		return nil, lost(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n == 0 || n > maxMessage {
		return nil, errGarbled
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(a.conn, answer); err != nil {
		return nil, lost(err)
	}
	if answer[0] != want {
		return nil, errRefused
	}
	return &wire{rest: answer[1:]}, nil
}

// errGarbled says that an answer is not what the protocol says.
var errGarbled = errors.New("SSH agent gave an answer that cannot be read")

// entry is a key that an agent holds.
type entry struct {
	blob    []byte // the public key
	comment string
}

// fingerprint is as ssh-add -l prints it.
func (e entry) fingerprint() string {
	sum := sha256.Sum256(e.blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func (a *Agent) list() ([]entry, error) {
	w, err := a.ask([]byte{requestIdentities}, identitiesAnswer)
	if err != nil {
		return nil, err
	}
	var all []entry
	for range w.number() {
		one := entry{blob: w.text(), comment: string(w.text())}
		if w.short {
			return nil, errGarbled
		}
		all = append(all, one)
	}
	return all, nil
}

// sign returns a signature of a message, and the name of its algorithm.
func (a *Agent) sign(key entry, message []byte, flags uint32) (algorithm string, signature []byte, err error) {
	request := appendText(appendText([]byte{signRequest}, key.blob), message)
	w, err := a.ask(binary.BigEndian.AppendUint32(request, flags), signResponse)
	if err != nil {
		return "", nil, err
	}
	inner := wire{rest: w.text()}
	algorithm, signature = string(inner.text()), inner.text()
	if w.short || inner.short {
		return "", nil, errGarbled
	}
	return algorithm, signature, nil
}

// public returns the key (RFC 4253 section 6.6, RFC 5656 section 3.1), or why it
// cannot sign certificates.
func (e entry) public() (_ crypto.PublicKey, why string) {
	w := wire{rest: e.blob}
	switch format := string(w.text()); {
	case format == "ecdsa-sha2-nistp256":
		return w.ecdsa("nistp256", elliptic.P256())
	case format == "ecdsa-sha2-nistp384":
		return w.ecdsa("nistp384", elliptic.P384())
	case format == "ssh-rsa":
		return w.rsa()
	case strings.HasPrefix(format, "sk-"):
		return nil, "cannot sign certificates: a FIDO key (sk-) signs more than what it is given"
	default:
		return nil, fmt.Sprintf("is of a kind that boards and browsers do not take (%.40q)", format)
	}
}

const unreadable = "cannot be read"

func (w *wire) ecdsa(name string, curve elliptic.Curve) (crypto.PublicKey, string) {
	named, point := string(w.text()), w.text()
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil || !w.whole() || named != name {
		return nil, unreadable
	}
	return key, ""
}

func (w *wire) rsa() (crypto.PublicKey, string) {
	e, n := w.integer(), w.integer()
	if !w.whole() || e.BitLen() > 24 || e.Cmp(big.NewInt(3)) < 0 || e.Bit(0) == 0 || n.Sign() <= 0 {
		return nil, unreadable
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, ""
}

// wire reads what RFC 4251 section 5 describes. Once something is cut short,
// that and all that follows is empty.
type wire struct {
	rest  []byte
	short bool
}

// whole reports whether all was read, and nothing is left.
func (w *wire) whole() bool { return !w.short && len(w.rest) == 0 }

func (w *wire) take(n uint32) []byte {
	if w.short = w.short || uint64(n) > uint64(len(w.rest)); w.short {
		return nil
	}
	taken := w.rest[:n]
	w.rest = w.rest[n:]
	return taken
}

func (w *wire) number() uint32 {
	if data := w.take(4); data != nil {
		return binary.BigEndian.Uint32(data)
	}
	return 0
}

func (w *wire) text() []byte { return w.take(w.number()) }

// integer reads an mpint. None of a key or a signature is negative.
func (w *wire) integer() *big.Int {
	data := w.text()
	w.short = w.short || len(data) > 0 && data[0] >= 0x80
	return new(big.Int).SetBytes(data)
}

func appendText(to, text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...)
}
