package store

import (
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/ca"
)

func TestRevokedCertificatesAreMarked(t *testing.T) {
	s, root := createLocked(t)
	one, two := issue(t, s, root, "one.local"), issue(t, s, root, "two.local")
	revocation := one.Revocation(noon, ca.KeyCompromise)
	if err := s.Revoke([]Revocation{revocation}, []NewCRL{{one.Root, root.crl(t, 9, one.Leaf.SerialNumber)}}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		issued Issued
		want   *Revocation
	}{{one, &revocation}, {two, nil}} {
		latest, err := s.Latest(row.issued.Record.Holder())
		if err != nil || !reflect.DeepEqual(latest.Revoked, row.want) {
			t.Errorf("%s: got %+v, %v, want %+v", row.issued.Place, latest.Revoked, err, row.want)
		}
	}
	all, err := s.Revocations()
	if err != nil || len(all) != 1 || all[0] != revocation || all[0].Name != "one.local" || !all[0].IssuedBy(one.Root) || all[0].NotAfter != one.Leaf.NotAfter {
		t.Errorf("got %+v, %v", all, err)
	}
	if entry := all[0].Entry(); entry.Serial.Cmp(one.Leaf.SerialNumber) != 0 || !entry.At.Equal(noon) || entry.Reason != ca.KeyCompromise {
		t.Errorf("got %+v", entry)
	}
	if other := (Root{Certificate: newRoot(t).Cert}); all[0].IssuedBy(other) {
		t.Error("another root issued it")
	}
	if signing, err := s.SigningRoot(); err != nil || signing.CRL.Number.Int64() != 9 {
		t.Errorf("CRL: got %v, %v", signing.CRL, err)
	}
}

func TestRevokingAgainIsRefused(t *testing.T) {
	s, root := createLocked(t)
	one, two := issue(t, s, root, "one.local"), issue(t, s, root, "two.local")
	if err := s.Revoke([]Revocation{one.Revocation(noon, "")}, nil); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, s.Path("."))
	err := s.Revoke([]Revocation{two.Revocation(noon, ""), one.Revocation(noon, "")}, nil)
	if !errors.Is(err, ErrRevoked) || !strings.Contains(hintText(err), "one.local") {
		t.Errorf("got %v, hint %q", err, hintText(err))
	}
	if err := s.Revoke([]Revocation{two.Revocation(noon, "")}, []NewCRL{{one.Root, newRoot(t).crl(t, 1)}}); err == nil {
		t.Error("a CRL of another root is stored")
	}
	if err := s.Revoke(nil, nil); err != nil {
		t.Error(err)
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestRevocationsAreCheckedBeforeTheyAreWritten(t *testing.T) {
	s, root := createLocked(t)
	one := issue(t, s, root, "one.local")
	good := one.Revocation(noon, "")
	for name, spoil := range map[string]func(*Revocation){
		"no serial":         func(r *Revocation) { r.Serial = "" },
		"a path":            func(r *Revocation) { r.Serial = "../../0123456789abcdef0123456789" },
		"upper case":        func(r *Revocation) { r.Serial = strings.ToUpper("abcdef" + r.Serial[6:]) },
		"no time":           func(r *Revocation) { r.At = r.At.AddDate(-4000, 0, 0); *r = Revocation{Serial: r.Serial} },
		"unknown reason":    func(r *Revocation) { r.Reason = "bored" },
		"name":              func(r *Revocation) { r.Name = "\x1b" },
		"foreign authority": func(r *Revocation) { r.Authority = "x" },
	} {
		bad := good
		spoil(&bad)
		if err := s.Revoke([]Revocation{bad}, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDamagedRevocationIsAnError(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "one.local")
	if err := s.Revoke([]Revocation{issued.Revocation(noon, "")}, nil); err != nil {
		t.Fatal(err)
	}
	name := s.Path("revoked/" + ca.Serial(issued.Leaf) + ".json")
	whole := get(t, name)
	other := strings.Replace(whole, ca.Serial(issued.Leaf), strings.Repeat("0", 32), 1)
	for _, data := range []string{"", "x", "{}", "[]", whole[:len(whole)/2], other, strings.Replace(whole, "one.local", `\u001b`, 1)} {
		put(t, name, data, 0o644)
		_, latestErr := s.Latest(Device("one.local"))
		_, listErr := s.Revocations()
		for _, err := range []error{latestErr, listErr} {
			if !isDamaged(err, name) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%.30q: got %v, want a DamagedError", data, err)
			}
		}
	}
	put(t, s.Path("revoked/README"), "mine", 0o644)
	put(t, name, whole, 0o644)
	if all, err := s.Revocations(); err != nil || len(all) != 1 {
		t.Errorf("got %d, %v", len(all), err)
	}
}

func TestSerialsAreExact(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "one.local")
	serial := new(big.Int).Set(issued.Leaf.SerialNumber)
	r := issued.Revocation(noon, "")
	if r.Entry().Serial.Cmp(serial) != 0 || len(r.Serial) != 32 {
		t.Errorf("got %s for %x", r.Serial, serial)
	}
}

func TestSerialNumbersAreReadAsTheyArePrinted(t *testing.T) {
	own := "5a3f9a0c5a3f9a0c5a3f9a0c5a3f9a0c"
	long := "7f" + strings.Repeat("00", 19)
	for text, want := range map[string]string{
		own: own, strings.ToUpper(own): own, "5A:3F:9A:0C:5A3f9a0c5a3f9a0c5a3f9a0c": own, "00" + own: own, long: long,
		"1": strings.Repeat("0", 31) + "1", "0": "", "": "", ":": "", "-1": "", "0x1": "", "5g": "",
		"80" + long[2:]: "", long + "0": "", strings.Repeat("f", 1000): "",
	} {
		got, ok := ParseSerial(text)
		if got != want || ok != (want != "") {
			t.Errorf("%.50q: got %q, %t, want %q", text, got, ok, want)
		}
	}
}
