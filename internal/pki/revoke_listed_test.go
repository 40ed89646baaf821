package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// crlFile returns what export crl writes.
func (a authority) crlFile(format string) (data []byte) {
	a.t.Helper()
	a.use(func(c *CA) {
		file, _, err := c.CRLFile(a.t.Context(), CRLRequest{Format: format}, start, nobodyWaits(a.t))
		if err != nil {
			a.t.Fatal(err)
		}
		data = file.Data
	})
	return data
}

// forget makes the store one that was restored from a backup: of before any
// revocation, and of before a certificate.
func (a authority) forget(place string) {
	a.t.Helper()
	if err := errors.Join(os.RemoveAll(filepath.Join(a.dir, "revoked")), os.RemoveAll(filepath.Join(a.dir, place))); err != nil {
		a.t.Fatal(err)
	}
}

func (a authority) takeOver(data []byte) (Revoked, error) {
	a.t.Helper()
	old, err := ParseOldCRL("old.pem", data)
	if err != nil {
		return Revoked{}, err
	}
	return a.revoke(RevokeRequest{From: old}, start.Add(time.Hour))
}

// entries are what must be kept of those of a list.
func entries(list *x509.RevocationList) (all []string) {
	for _, e := range list.RevokedCertificateEntries {
		all = append(all, string(ca.ReasonOf(e.ReasonCode))+" "+e.RevocationTime.String()+" "+e.SerialNumber.String())
	}
	return all
}

func TestOldListIsTakenOverWithItsTimesAndReasons(t *testing.T) {
	for _, format := range []string{CRLPEM, CRLDER} {
		a := newAuthority(t, "")
		lost := a.mustIssue(identity(t, "phone"), start)
		a.mustIssue(identity(t, "tablet"), start)
		if _, err := a.revoke(RevokeRequest{Target: "phone", Reason: ca.KeyCompromise}, start); err != nil {
			t.Fatal(err)
		}
		a.mustRevoke("tablet", start.Add(-day))
		before, file := a.lists()[0], a.crlFile(format)
		a.forget(lost.Issued.Place)
		result, err := a.takeOver(file)
		if err != nil || len(result.TakenOver) != 2 || result.Before != 0 || len(result.Lists) != 1 {
			t.Fatalf("%s: got %+v, %v", format, result, err)
		}
		after := a.lists()[0]
		if !reflect.DeepEqual(entries(after), entries(before)) || after.Number.Cmp(before.Number) <= 0 {
			t.Errorf("%s: got %q, number %s, want %q and a higher number than %s", format, entries(after), after.Number, entries(before), before.Number)
		}
		a.use(func(c *CA) {
			if tablet, err := c.Find("tablet"); err != nil || tablet.Revoked == nil || tablet.Revoked.Name != "tablet" || !tablet.Revoked.NotAfter.Equal(tablet.Leaf.NotAfter) {
				t.Errorf("%s: got %+v, %v, want a revocation that knows its certificate", format, tablet.Revoked, err)
			}
		})
		if result, err = a.takeOver(file); err != nil || result.Before != 2 || len(result.TakenOver)+len(result.Lists) != 0 {
			t.Errorf("%s, again: got %+v, %v", format, result, err)
		}
		if again := a.lists()[0]; again.Number.Cmp(after.Number) != 0 {
			t.Errorf("%s: a list was signed again although nothing is new", format)
		}
	}
}

// A file of export crl has the list of each root, and a later one may follow.
func TestListsOfSeveralRootsAreTakenOverAtOnce(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(identity(t, "phone"), start)
	a.mustRevoke("phone", start)
	a.addRoot(start, false)
	a.mustIssue(identity(t, "tablet"), start)
	a.mustRevoke("tablet", start)
	file := a.crlFile(CRLPEM)
	a.forget("none")
	a.mustRevoke("tablet", start)
	result, err := a.takeOver(slices.Concat([]byte("a comment\n"), file, file))
	if err != nil || len(result.TakenOver) != 1 || result.Before != 1 {
		t.Errorf("got %+v, %v, want one new entry and one old", result, err)
	}
	for _, list := range a.lists() {
		if len(list.RevokedCertificateEntries) != 1 {
			t.Errorf("got %d entries in a list, want 1", len(list.RevokedCertificateEntries))
		}
	}
}

func TestListThatIsNotOfThisCAIsRefusedAsAWhole(t *testing.T) {
	a, other := newAuthority(t, ""), newAuthority(t, "")
	a.mustIssue(identity(t, "phone"), start)
	a.mustRevoke("phone", start)
	file, der, foreign := a.crlFile(CRLPEM), a.crlFile(CRLDER), other.crlFile(CRLPEM)
	a.forget("none")
	number := a.lists()[0].Number
	forged := bytes.Clone(der)
	forged[len(forged)-1] ^= 1
	var root []byte
	a.use(func(c *CA) {
		signing, _ := c.Root()
		root = ca.CertificatePEM(signing.Certificate)
	})
	for name, row := range map[string]struct {
		data []byte
		want string
		hint string
	}{
		"foreign":     {foreign, "that no root of this CA signed", "take the file"},
		"one foreign": {slices.Concat(file, foreign), "that no root of this CA signed", "remove that list"},
		"forged":      {forged, "that no root of this CA signed", "take the file"},
		"trailing":    {append(bytes.Clone(der), 0), "is followed by 1 bytes", "take the file"},
		"cut off":     {file[:len(file)-30], "is damaged or incomplete", "take the file"},
		"cut off DER": {der[:len(der)-1], "cannot be read as one", "take the file"},
		"root":        {root, "cannot be read as one", "take the file"},
		"empty":       {nil, "cannot be read as one", "take the file"},
		"large":       {make([]byte, MaxOldCRL+1), "is larger than", "take the file"},
	} {
		if _, err := a.takeOver(row.data); !isA[*OldCRLError](err) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		} else if hint := fault.HintOf(err).Text(func(fault.Command) string { return "" }); !strings.HasPrefix(hint, row.hint) {
			t.Errorf("%s: got hint %q, want %q", name, hint, row.hint)
		}
	}
	if got := a.lists()[0].Number; got.Cmp(number) != 0 {
		t.Errorf("got list %s, want %s still", got, number)
	}
	a.use(func(c *CA) {
		if all, err := c.store.Revocations(); err != nil || len(all) != 0 {
			t.Errorf("got %+v, %v, want no revocation", all, err)
		}
	})
}

func TestSerialNumbersOfOldListsAreChecked(t *testing.T) {
	a := newAuthority(t, "")
	a.use(func(c *CA) {
		root, err := c.Root()
		if err != nil {
			t.Fatal(err)
		}
		old := &OldCRL{name: "old.pem"}
		for _, serial := range []*big.Int{root.Certificate.SerialNumber, big.NewInt(-1), big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), 160)} {
			if _, err := old.revocation(root, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: start}); !isA[*OldCRLError](err) {
				t.Errorf("%x: got %v", serial, err)
			}
		}
	})
}
