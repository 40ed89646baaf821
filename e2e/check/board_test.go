package check

import (
	"strconv"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestTheRealMicroPythonIsFine: one visit is one connection, whose report has no
// findings, and the time beside the one that fit predicts.
func TestTheRealMicroPythonIsFine(t *testing.T) {
	b, h := rig.BoardBench(t), rig.NewHome(t)
	h.Issue("pico.local", "--for", "pico-w/micropython")
	p, err := b.MicroPython(t, nil, h.Path("pico.local", "cert.der"), h.Path("pico.local", "key.der"), 1)
	if err != nil {
		t.Fatal(err)
	}
	r := visit(t, h, "pico.local", portOf(p))
	want(t, r)
	if r.TLS.Version != "TLS 1.2" || r.TLS.Seconds <= 0 || len(r.TLS.PredictedSeconds) != 2 || r.TLS.Device != "Raspberry Pi Pico W with MicroPython" {
		t.Errorf("TLS: got %+v", r.TLS)
	}
	if !r.Certificate.Newest || r.Certificate.DaysLeft < 800 || r.ChainBytes > 406 || r.Identity != "no" {
		t.Errorf("got %+v", r)
	}
	if err := p.Cmd.Wait(); err != nil {
		t.Errorf("MicroPython: %v\n%s", err, p.Errors)
	}
}

// TestTheRealMicroPythonHasFaults: files of two certificates, which no board
// notices, and a board that wants an identity.
func TestTheRealMicroPythonHasFaults(t *testing.T) {
	b, h := rig.BoardBench(t), rig.NewHome(t)
	h.Issue("pico.local", "--for", "pico-w/micropython")
	copyFile(t, h.Path("pico.local", "cert.der"), h.Path("old.der"))
	h.Issue("pico.local")
	key := h.Path("pico.local", "key.der")
	p, err := b.MicroPython(t, nil, h.Path("old.der"), key, 1)
	if err != nil {
		t.Fatal(err)
	}
	want(t, visit(t, h, "pico.local", portOf(p)), "wrong-key", "outdated")
	h.Run("export", "ca", "--format", "der", "--out", "root.der")
	p, err = b.MicroPython(t, nil, h.Path("pico.local", "cert.der"), key, 1, h.Path("root.der"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, visit(t, h, "pico.local", portOf(p)), "identity-required")
}

func portOf(p *rig.PythonServer) string { return strconv.Itoa(p.BoardProgram.Port) }
