package export

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"fmt"

	"github.com/picoca/picoca/internal/fault"
)

// renderTasmota writes the two lines for Tasmota's console: TLSKey1 with the 32
// bytes of a P-256 key, TLSKey2 with the certificate, both in base64
// (tasmota/xdrv_02_9_mqtt.ino). It fails with a P256Error for other keys.
func renderTasmota(s Spec, b Bundle) ([]byte, error) {
	if len(s.Parts) != 2 || !s.Has(Leaf) || !s.Has(Key) {
		return nil, ContainerError{s}
	}
	key, ok := b.Key.(*ecdsa.PrivateKey)
	if !ok || key.Curve.Params().BitSize != 256 {
		return nil, P256Error{b.Key.Public()}
	}
	scalar, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "TLSKey1 %s\n", base64.StdEncoding.EncodeToString(scalar))
	fmt.Fprintf(&out, "TLSKey2 %s\n", base64.StdEncoding.EncodeToString(b.Leaf.Raw))
	return out.Bytes(), nil
}

// P256Error says that a reader takes P-256 keys only.
type P256Error struct{ Key any }

func (e P256Error) Error() string {
	return fmt.Sprintf("key of type %T is not ECDSA P-256, the only type that Tasmota accepts", e.Key)
}

// Hint says how to get one.
func (e P256Error) Hint() fault.Hint { return fault.Hintf("make one with --key p256") }
