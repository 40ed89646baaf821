package boards

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// rootOf reads the authority of a store as the boards' tests have it.
func rootOf(t testing.TB, h rig.Home) boardRoot {
	t.Helper()
	return trustIn(t, h.RootFile("store", "cert.pem"))
}

// trustIn is an authority with only its certificate, in a PEM
// file.
func trustIn(t testing.TB, pemName string) boardRoot {
	t.Helper()
	text, err := os.ReadFile(pemName)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is no PEM: %.60q", pemName, text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return boardRoot{cert: cert, pemName: pemName, der: writeTemp(t, "root.der", block.Bytes)}
}

// TestBoardsServeWhatPicocaIssues has every stack serve the very DER files that
// picoca wrote, to real clients that trust only this CA, or a foreign one.
func TestBoardsServeWhatPicocaIssues(t *testing.T) {
	b, foreign := rig.BoardBench(t), newBoardRoot(t)
	for _, rootKey := range []string{"p256", "rsa-2048"} {
		h := rig.NewHome(t, "--key", rootKey)
		root := rootOf(t, h)
		for _, key := range []string{"p256", "rsa-2048"} {
			h.Issue("pico.local", "--key", key, "--out", key)
			for _, s := range rig.Stacks {
				t.Run(s.Name+"/"+key+" under "+rootKey, func(t *testing.T) {
					for _, c := range boardClients {
						checkServes(t, b, s, files(h, key), c, root, foreign)
					}
				})
			}
		}
	}
}
