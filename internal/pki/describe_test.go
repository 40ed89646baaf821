package pki

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCertificateIsDescribed(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.mustIssue(identity(t, "Kitchen tablet"), start)
	forget := true
	a.mustIssue(Request{Names: names(t, "nas.local"), ForgetKey: &forget}, start)
	a.mustIssue(Request{Names: names(t, "lost.local")}, start)
	keys, err := filepath.Glob(filepath.Join(a.dir, "issued", "lost.local", "*", "key.pem"))
	if err != nil || len(keys) != 1 || os.Remove(keys[0]) != nil {
		t.Fatalf("got %v, %v", keys, err)
	}
	a.mustRevoke("nas.local", start)
	a.use(func(c *CA) {
		for _, row := range []struct {
			name, kept string
			kind       Kind
			names      []string
			revoked    bool
		}{
			{"pico.local", "store", Device, []string{"pico.local"}, false},
			{"Kitchen tablet", "store", Identity, []string{}, false},
			{"nas.local", "files", Device, []string{"nas.local"}, true},
			{"lost.local", "missing", Device, []string{"lost.local"}, false},
		} {
			issued, err := c.Find(row.name)
			if err != nil {
				t.Fatal(err)
			}
			d := Describe(issued)
			if d.Name != row.name || d.KeyKept != row.kept || d.Kind != row.kind || (d.Revoked != nil) != row.revoked || d.Key != "p256" || !slices.Equal(d.Names, row.names) {
				t.Errorf("%s: got %+v, want %+v", row.name, d, row)
			}
			if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), "null") {
				t.Errorf("%s: got %s, %v, want no null", row.name, text, err)
			}
		}
	})
}

// TestPlanIsDescribedAsItsCertificate: a dry run shows what the certificate will
// have, but for its numbers.
func TestPlanIsDescribedAsItsCertificate(t *testing.T) {
	a := newAuthority(t, "")
	request := Request{Names: names(t, "pico.local", "192.168.1.20"), Out: filepath.Join(t.TempDir(), "out")}
	var planned Description
	a.use(func(c *CA) {
		plan, err := c.Plan(request, start)
		if err != nil {
			t.Fatal(err)
		}
		planned = plan.Describe()
		if err := plan.Close(); err != nil {
			t.Error(err)
		}
	})
	issued := Describe(a.mustIssue(request, start).Issued)
	planned.Serial, planned.SHA256 = issued.Serial, issued.SHA256
	got, _ := json.Marshal(planned)
	want, _ := json.Marshal(issued)
	if string(got) != string(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
