package export

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/picoca/picoca/internal/testpki"
)

// twoRoots is a bundle whose leaf an older root issued.
func twoRoots(t *testing.T, leaf string) (b Bundle, signing, old *x509.Certificate) {
	t.Helper()
	b = fixedBundle(t, leaf)
	req := testpki.HomeRequest()
	req.Name = "Second Root"
	pair := testpki.Root(t, req, fixedKey(t, "device"), fixedTime)
	old, signing = b.Root, pair.Cert
	b.Issuer, b.Root, b.MoreRoots = old, signing, []*x509.Certificate{old}
	b.CRL = pair.CRL(t, 1, fixedTime)
	b.MoreCRLs = []*x509.RevocationList{pair.CRL(t, 2, fixedTime.Add(time.Hour))}
	return b, signing, old
}

// blocksOf returns what is in the PEM of a text in which lines may be indented.
func blocksOf(data []byte) (all [][]byte) {
	text := strings.ReplaceAll(strings.ReplaceAll(string(data), `\n`, "\n"), "    ", "")
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block.Bytes)
	}
	return all
}

func same(t *testing.T, what string, got [][]byte, want ...[]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%s: got %d parts, want others or in another order: %d", what, len(got), len(want))
	}
}

func TestTextHoldsEveryRootToTrust(t *testing.T) {
	b, signing, old := twoRoots(t, "device")
	for _, format := range []string{"pem", "pem-line", "pem-yaml"} {
		for name, data := range render(t, rootSpecs(format), b) {
			same(t, name, blocksOf(data), signing.Raw, old.Raw)
		}
	}
	lists := spec("lists.pem", "pem", "", CA, CRL)
	same(t, "with lists", blocksOf(render(t, []Spec{lists}, b)["lists.pem"]), signing.Raw, old.Raw, b.CRL.Raw, b.MoreCRLs[0].Raw)
}

func TestChainHoldsTheRootThatIssuedTheLeaf(t *testing.T) {
	b, _, old := twoRoots(t, "device")
	same(t, "chain", blocksOf(render(t, deviceSpecs("pem-chain"), b)["fullchain.pem"]), b.Leaf.Raw, old.Raw)
	issuer := spec("issuer.pem", "pem", "", Issuer)
	same(t, "issuer", blocksOf(render(t, []Spec{issuer}, b)["issuer.pem"]), old.Raw)
}

func TestFormatsOfOneHoldTheRootThatSigns(t *testing.T) {
	b, signing, _ := twoRoots(t, "device")
	for _, format := range []string{"der", "crt"} {
		for name, data := range render(t, rootSpecs(format), b) {
			same(t, name, [][]byte{data}, signing.Raw)
		}
	}
	for _, format := range []string{"c-header", "c-header-pem"} {
		one, both := b, render(t, rootSpecs(format), b)["picoca_root.h"]
		one.MoreRoots = nil
		if !bytes.Equal(both, render(t, rootSpecs(format), one)["picoca_root.h"]) {
			t.Errorf("%s: the second root changes it", format)
		}
	}
	for _, row := range []struct {
		container string
		want      bool
	}{{"pem", true}, {"p12", true}, {"mobileconfig", true}, {"der", false}, {"c-header", false}} {
		if got := (Spec{Container: row.container}).HoldsEveryRoot(); got != row.want {
			t.Errorf("%s: got %t, want %t", row.container, got, row.want)
		}
	}
}

// TestP12HoldsWhatItsReaderNeeds: a client trusts every root in it, a server sends
// the one that issued its leaf.
func TestP12HoldsWhatItsReaderNeeds(t *testing.T) {
	for _, row := range []struct {
		leaf string
		want int
	}{{"device", 1}, {"client", 2}} {
		b, _, old := twoRoots(t, row.leaf)
		specs := clientSpecs("p12-ca")
		name := b.Stem + ".p12"
		_, _, chain, err := pkcs12.DecodeChain(render(t, specs, b)[name], b.P12.Passphrase)
		if err != nil || len(chain) != row.want || !chain[0].Equal(old) {
			t.Errorf("%s: got %d roots, %v, want %d, the issuer first", row.leaf, len(chain), err, row.want)
		}
	}
	b, signing, old := twoRoots(t, "device")
	certs, err := pkcs12.DecodeTrustStore(render(t, rootSpecs("p12"), b)["picoca-root.p12"], b.P12.Passphrase)
	if err != nil || len(certs) != 2 || !certs[0].Equal(signing) || !certs[1].Equal(old) {
		t.Errorf("trust store: got %d roots, %v, want both", len(certs), err)
	}
}

// TestRenewedIdentityOfTheSameRootReplacesItsProfile, whichever root signs now.
func TestRenewedIdentityOfTheSameRootReplacesItsProfile(t *testing.T) {
	b, _, old := twoRoots(t, "client")
	top, payloads := readProfile(t, render(t, clientSpecs("mobileconfig"), b)[b.Stem+".mobileconfig"])
	if got, want := top["PayloadIdentifier"], ClientProfileID(old, b.Leaf.Subject.CommonName); got != want {
		t.Errorf("identifier: got %v, want %v", got, want)
	}
	if len(payloads) != 3 {
		t.Errorf("got %d payloads, want the identity and two roots", len(payloads))
	}
}
