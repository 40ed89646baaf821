package store

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

func rootIDsOf(t testing.TB, s *Store) []string {
	t.Helper()
	roots, err := s.Roots()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, root := range roots {
		ids = append(ids, root.ID)
	}
	return ids
}

func addRoot(t testing.TB, s *Store, root NewRoot) Root {
	t.Helper()
	added, err := s.AddRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// TestHighestRootWithAKeySigns, if it is not retired.
func TestHighestRootWithAKeySigns(t *testing.T) {
	s, first := createLocked(t)
	second, spare, agent := newRoot(t), newRoot(t), newRoot(t)
	signs := func(want pair) Root {
		t.Helper()
		root, err := s.SigningRoot()
		if err != nil || !root.Certificate.Equal(want.Cert) {
			t.Fatalf("got %s, %v", root.ID, err)
		}
		return root
	}
	one := signs(first)
	addRoot(t, s, NewRoot{Certificate: spare.Cert})
	signs(first)
	two := addRoot(t, s, second.root())
	signs(second)
	key := AgentKey{"SHA256:abc", "home"}
	three := addRoot(t, s, NewRoot{Certificate: agent.Cert, Agent: &key})
	signs(agent)
	if got, err := s.RootAgentKey(three); err != nil || got != key || three.Key != KeyAgent {
		t.Errorf("got %+v, %v, want %+v", got, err, key)
	}
	if _, err := s.RootKey(three, nil); !errors.Is(err, ErrKeyElsewhere) {
		t.Errorf("got %v, want %v", err, ErrKeyElsewhere)
	}
	if _, err := s.RootAgentKey(two); !errors.Is(err, ErrKeyElsewhere) {
		t.Errorf("got %v, want %v", err, ErrKeyElsewhere)
	}
	for _, row := range []struct {
		retire Root
		next   pair
	}{{three, second}, {two, first}} {
		if err := s.Retire(row.retire, noon); err != nil {
			t.Fatal(err)
		}
		signs(row.next)
	}
	if err := s.Retire(one, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SigningRoot(); !errors.Is(err, ErrNoSigningRoot) || !strings.Contains(hintText(err), "restore key.pem") {
		t.Errorf("got %v, hint %q", err, hintText(err))
	}
	roots, err := s.Roots()
	if err != nil || len(roots) != 4 || roots[0].Retired == nil || !roots[0].Retired.Equal(noon) || roots[1].Retired != nil {
		t.Errorf("got %+v, %v", roots, err)
	}
}

// TestSpareIsPublishedAgain under the next number, with its key; it is then one
// root, and its leaves are its.
func TestSpareIsPublishedAgain(t *testing.T) {
	s, first := createLocked(t)
	spare := newRoot(t)
	asSpare := addRoot(t, s, NewRoot{Certificate: spare.Cert, CRL: spare.crl(t, 1)})
	if got := rootIDsOf(t, s); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	again := addRoot(t, s, NewRoot{Certificate: spare.Cert, Key: spare.Key, CRL: spare.crl(t, 2)})
	if again.Number != 3 || again.ID[6:] != asSpare.ID[6:] {
		t.Errorf("got %q after %q", again.ID, asSpare.ID)
	}
	want := []string{rootID(1, first.Cert), again.ID}
	if got := rootIDsOf(t, s); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	leaf := spare.leaf(t, "pico.local")
	if root, err := s.RootOf(leaf.Cert); err != nil || root.ID != again.ID {
		t.Errorf("got %q, %v", root.ID, err)
	}
	if err := s.Retire(again, noon); err != nil {
		t.Fatal(err)
	}
	if got := rootIDsOf(t, s); !slices.Equal(got, want) {
		t.Errorf("retired: got %q, want %q", got, want)
	}
}

func TestSecondRootOfTheSameKeyIsRefused(t *testing.T) {
	s, first := createLocked(t)
	spare := newRoot(t)
	addRoot(t, s, NewRoot{Certificate: spare.Cert})
	otherCert := func(p pair) pair {
		return pair{p.Changed(t, func(c *x509.Certificate) { c.Subject.CommonName, c.SerialNumber = "Other", nil })}
	}
	before := snapshot(t, s.Path("."))
	for name, root := range map[string]NewRoot{
		"the same":                         first.root(),
		"another certificate":              otherCert(first).root(),
		"the spare without its key":        {Certificate: spare.Cert},
		"another certificate, spare's key": otherCert(spare).root(),
	} {
		if _, err := s.AddRoot(root); !errors.Is(err, ErrSameKey) || hintText(err) == "" {
			t.Errorf("%s: got %v, want %v", name, err, ErrSameKey)
		}
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestRootOfAnotherCA(t *testing.T) {
	s, _ := create(t)
	other := newRoot(t)
	if _, err := s.RootOf(other.leaf(t, "pico.local").Cert); err == nil || hintText(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestCRLIsStoredWithItsRoot(t *testing.T) {
	s, first := createLocked(t)
	one, err := s.SigningRoot()
	if err != nil || one.CRL != nil {
		t.Fatalf("got %v, %v", one.CRL, err)
	}
	if err := s.PutCRL(one, first.crl(t, 5, big.NewInt(77))); err != nil {
		t.Fatal(err)
	}
	one, err = s.SigningRoot()
	if err != nil || one.CRL.Number.Int64() != 5 || len(one.CRL.RevokedCertificateEntries) != 1 {
		t.Fatalf("got %+v, %v", one.CRL, err)
	}
	before := snapshot(t, s.Path("."))
	for name, der := range map[string][]byte{
		"same number": first.crl(t, 5), "lower number": first.crl(t, 4), "another root": newRoot(t).crl(t, 6), "nothing": nil, "garbage": []byte("x"),
	} {
		if err := s.PutCRL(one, der); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
	block, rest := pem.Decode([]byte(get(t, s.Path("roots/"+one.ID+"/crl.pem"))))
	if block == nil || block.Type != "X509 CRL" || len(rest) != 0 {
		t.Errorf("crl.pem is no PEM of a CRL (RFC 7468 section 7)")
	}
}

func TestNextCRLNumber(t *testing.T) {
	root := newRoot(t)
	parsed := func(number int64) Root {
		crl, err := parseCRL(root.crl(t, number), root.Cert)
		if err != nil {
			t.Fatal(err)
		}
		return Root{CRL: crl}
	}
	now := noon.Unix()
	for name, row := range map[string]struct {
		root Root
		now  time.Time
		want int64
	}{
		"first":                {Root{}, noon, now},
		"later":                {parsed(now), noon.Add(time.Hour), now + 3600},
		"same second":          {parsed(now), noon, now + 1},
		"clock was set back":   {parsed(now), noon.AddDate(-1, 0, 0), now + 1},
		"clock without a time": {Root{}, time.Unix(0, 0), 1},
	} {
		if got := row.root.NextCRLNumber(row.now); got.Int64() != row.want {
			t.Errorf("%s: got %v, want %d", name, got, row.want)
		}
	}
}

func TestPassphraseOfAllRootKeysChanges(t *testing.T) {
	root := newRoot(t)
	dir := filepath.Join(tempDir(t), "store")
	old, passphrase := []byte("old"), []byte("new")
	if err := makeStore(t, dir, NewRoot{Certificate: root.Cert, Key: root.Key, Passphrase: old}); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	s.opt.iterations = 1
	lock(t, s)
	second := newRoot(t)
	addRoot(t, s, NewRoot{Certificate: second.Cert, Key: second.Key, Passphrase: old})
	addRoot(t, s, NewRoot{Certificate: newRoot(t).Cert})
	opens := func(passphrase []byte) (n int) {
		roots, err := s.Roots()
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range []pair{root, second} {
			if got, err := s.RootKey(roots[i], passphrase); err == nil && equalKeys(got, key.Key) {
				n++
			}
		}
		return n
	}
	before := snapshot(t, dir)
	if err := s.ChangePassphrase([]byte("wrong"), passphrase); !errors.Is(err, ErrPassphrase) {
		t.Errorf("got %v, want %v", err, ErrPassphrase)
	}
	if got := snapshot(t, dir); got != before {
		t.Errorf("a wrong passphrase changed something")
	}
	for _, row := range []struct{ old, passphrase []byte }{{old, passphrase}, {passphrase, nil}, {nil, old}} {
		if err := s.ChangePassphrase(row.old, row.passphrase); err != nil {
			t.Fatal(err)
		}
		if got := opens(row.passphrase); got != 2 {
			t.Errorf("%q to %q: opens %d", row.old, row.passphrase, got)
		}
		if len(row.passphrase) > 0 && opens(row.old) != 0 {
			t.Errorf("%q to %q: the old passphrase opens", row.old, row.passphrase)
		}
	}
	checkModes(t, s.Path("roots"))
}

// TestForgottenPassphraseOfARetiredRoot blocks no change of the others.
func TestForgottenPassphraseOfARetiredRoot(t *testing.T) {
	root, second := newRoot(t), newRoot(t)
	dir := filepath.Join(tempDir(t), "store")
	if err := makeStore(t, dir, NewRoot{Certificate: root.Cert, Key: root.Key, Passphrase: []byte("forgotten")}); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	s.opt.iterations = 1
	lock(t, s)
	addRoot(t, s, NewRoot{Certificate: second.Cert, Key: second.Key, Passphrase: []byte("old")})
	if err := s.ChangePassphrase([]byte("old"), []byte("new")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("got %v, want %v", err, ErrPassphrase)
	}
	roots, err := s.Roots()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Retire(roots[0], noon); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePassphrase([]byte("old"), []byte("new")); err != nil {
		t.Error(err)
	}
	if _, err := s.RootKey(roots[0], []byte("forgotten")); err != nil {
		t.Error(err)
	}
	checkRoot(t, s, second, []byte("new"))
}

func TestKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	for mode, refused := range map[fs.FileMode]bool{
		0o644: true, 0o640: true, 0o604: true, 0o660: true, 0o666: true, 0o700: true, 0o601: true, 0o600: false, 0o400: false,
	} {
		s, _ := create(t)
		root, err := s.SigningRoot()
		if err != nil {
			t.Fatal(err)
		}
		name := s.Path("roots/" + root.ID + "/key.pem")
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		_, keyErr := s.RootKey(root, nil)
		_, encryptedErr := s.KeyEncrypted(root)
		for which, err := range map[string]error{"RootKey": keyErr, "KeyEncrypted": encryptedErr} {
			e, ok := errors.AsType[ModeError](err)
			if ok != refused || !refused && err != nil {
				t.Errorf("%s with mode %04o: got %v, want refused %v", which, mode, err, refused)
			}
			if refused && (e.Got != mode || e.Want != 0o600 || e.Path != name) {
				t.Errorf("%s with mode %04o: got %+v", which, mode, e)
			}
		}
	}
}

func TestDamagedRootKeyIsNoKey(t *testing.T) {
	s, _ := create(t)
	root, err := s.SigningRoot()
	if err != nil {
		t.Fatal(err)
	}
	name := s.Path("roots/" + root.ID + "/key.pem")
	whole := get(t, name)
	for n := range len(whole) - 1 { // without its last line break it is whole
		put(t, name, whole[:n], 0o600)
		if _, err := s.RootKey(root, nil); !errors.Is(err, ErrNoKey) || !isDamaged(err, name) {
			t.Fatalf("cut to %d bytes: got %v, want %v", n, err, ErrNoKey)
		}
	}
	other, err := EncryptKey(testpki.NewKey(t, ca.P256), nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, name, string(other), 0o600)
	if _, err := s.RootKey(root, nil); !errors.Is(err, ErrOtherKey) || !isDamaged(err, name) {
		t.Errorf("another key: got %v, want %v", err, ErrOtherKey)
	}
	remove(t, name)
	if _, err := s.RootKey(root, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestDamagedRootIsAnErrorWhateverAsks: each function that hands out a root or
// something that a root vouches for reports it.
func TestDamagedRootIsAnErrorWhateverAsks(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	id := issued.Root.ID
	name := s.Path("roots/" + id + "/cert.pem")
	cert, key := get(t, name), get(t, s.Path("roots/"+id+"/key.pem"))
	leaf := get(t, s.Path(issued.Place+"/cert.pem"))
	for what, data := range map[string]string{
		"empty": "", "garbage": "garbage", "a key": key, "another label": strings.ReplaceAll(cert, "CERTIFICATE", "X509 CRL"), "cut": cert[:len(cert)/2],
		"not a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a leaf": leaf,
	} {
		put(t, name, data, 0o644)
		for function, ask := range asking(s, issued, root) {
			s.known = nil // as another process
			if err := ask(); !isDamaged(err, name) || hintText(err) == "" {
				t.Errorf("%s: %s: got %v, want a DamagedError", what, function, err)
			}
		}
	}
}

// asking are the functions whose answer depends on the root of a certificate.
func asking(s *Store, issued Issued, root pair) map[string]func() error {
	return map[string]func() error{
		"Roots":       func() error { _, err := s.Roots(); return err },
		"SigningRoot": func() error { _, err := s.SigningRoot(); return err },
		"RootOf":      func() error { _, err := s.RootOf(issued.Leaf); return err },
		"Latest":      func() error { _, err := s.Latest(issued.Record.Holder()); return err },
		"History":     func() error { _, err := s.History(issued.Record.Holder()); return err },
		"BySerial":    func() error { _, err := s.BySerial(ca.Serial(issued.Leaf)); return err },
		"AddRoot":     func() error { _, err := s.AddRoot(NewRoot{Certificate: root.Cert}); return err },
		"All": func() error {
			var faults []error
			for _, err := range s.All(true) {
				faults = append(faults, err)
			}
			return errors.Join(faults...)
		},
	}
}

// TestEachFlippedBitOfARootIsFound, or the certificate is the same: PEM has
// bits that mean nothing.
func TestEachFlippedBitOfARootIsFound(t *testing.T) {
	s, root := create(t)
	name := s.Path("roots/" + rootID(1, root.Cert) + "/cert.pem")
	whole := get(t, name)
	found := 0
	for bit := range len(whole) * 8 {
		data := []byte(whole)
		data[bit/8] ^= 1 << (bit % 8)
		put(t, name, string(data), 0o644)
		s.known = nil
		signing, err := s.SigningRoot()
		switch {
		case err == nil && !signing.Certificate.Equal(root.Cert):
			t.Fatalf("bit %d: another certificate", bit)
		case err != nil && !isDamaged(err, name):
			t.Fatalf("bit %d: got %v", bit, err)
		case err != nil:
			found++
		}
	}
	if found < len(whole)*6 {
		t.Errorf("found %d of %d", found, len(whole)*8)
	}
}

// TestDamagedOldRootHidesNoOther: its own certificates are damaged, those of
// the new one are there.
func TestDamagedOldRootHidesNoOther(t *testing.T) {
	s, first := createLocked(t)
	second := newRoot(t)
	issue(t, s, first, "old.local")
	addRoot(t, s, second.root())
	issue(t, s, second, "new.local")
	name := s.Path("roots/" + rootID(1, first.Cert) + "/cert.pem")
	put(t, name, "x", 0o644)
	s.known = nil
	var got []string
	for issued, err := range s.All(false) {
		got = append(got, fmt.Sprintf("%s %v", issued.Record.Name, err != nil))
	}
	if want := []string{" true", "new.local false", " true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := s.Latest(Device("new.local")); err != nil {
		t.Error(err)
	}
	if _, err := s.Latest(Device("old.local")); err == nil {
		t.Error("a leaf of a damaged root is handed out")
	}
}

func TestDamagedFilesOfARoot(t *testing.T) {
	s, root := createLocked(t)
	id := rootID(1, root.Cert)
	signing, err := s.SigningRoot()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.PutCRL(signing, root.crl(t, 1)), s.Retire(signing, noon)); err != nil {
		t.Fatal(err)
	}
	for base, contents := range map[string][]string{
		"crl.pem":      {"", "x", get(t, s.Path("roots/"+id+"/cert.pem")), string(crlPEM(newRoot(t).crl(t, 1)))},
		"retired.json": {"", "x", "{}", "[]", `{"at":"soon"}`, "null"},
	} {
		name := s.Path("roots/" + id + "/" + base)
		whole := get(t, name)
		for _, data := range contents {
			put(t, name, data, 0o644)
			s.known = nil
			if _, err := s.Roots(); !isDamaged(err, name) {
				t.Errorf("%s %.20q: got %v, want a DamagedError", base, data, err)
			}
		}
		put(t, name, whole, 0o644)
	}
	if _, err := s.Roots(); err != nil {
		t.Error(err)
	}
}

func TestRootsThatOthersCanChangeAreRefused(t *testing.T) {
	s, root := create(t)
	place := "roots/" + rootID(1, root.Cert)
	for _, row := range []struct {
		name        string
		right, wide fs.FileMode
	}{{"roots", 0o755, 0o775}, {place, 0o755, 0o722}, {place + "/cert.pem", 0o644, 0o664}, {place + "/cert.pem", 0o644, 0o755}} {
		if err := os.Chmod(s.Path(row.name), row.wide); err != nil {
			t.Fatal(err)
		}
		s.known = nil
		_, err := s.Roots()
		e, ok := errors.AsType[ModeError](err)
		if !ok || e.Got != row.wide || e.Want != row.right || e.Path != s.Path(row.name) {
			t.Errorf("%s with mode %04o: got %v", row.name, row.wide, err)
		}
		if err := os.Chmod(s.Path(row.name), row.right); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Roots(); err != nil {
			t.Errorf("%s with mode %04o: got %v", row.name, row.right, err)
		}
	}
}

// TestWhatHasARootsNameMustBeOne: skipping it could let an older root sign.
func TestWhatHasARootsNameMustBeOne(t *testing.T) {
	s, root := create(t)
	put(t, s.Path("roots/README"), "mine", 0o644)
	checkRoot(t, s, root, nil)
	for what, make := range map[string]func(name string) error{
		"file":  func(name string) error { return os.WriteFile(name, nil, 0o600) },
		"link":  func(name string) error { return os.Symlink(rootID(1, root.Cert), name+"x") },
		"empty": func(name string) error { return os.Mkdir(name, 0o700) },
	} {
		name := s.Path("roots/000002-ABCD")
		if err := make(name); err != nil {
			t.Fatal(err)
		}
		s.known = nil
		got, err := s.SigningRoot()
		if what != "link" && (err == nil || hintText(err) == "") {
			t.Errorf("%s: got %q, %v, want an error with a hint", what, got.ID, err)
		}
		if what == "link" && (err != nil || !got.Certificate.Equal(root.Cert)) {
			t.Errorf("a link to a root: got %q, %v", got.ID, err)
		}
		remove(t, name)
		remove(t, name+"x")
	}
	remove(t, s.Path("roots/"+rootID(1, root.Cert)))
	s.known = nil
	if _, err := s.SigningRoot(); !isA[MissingError](err) || hintText(err) == "" {
		t.Errorf("no root: got %v, want a MissingError", err)
	}
}

// TestCopyOfAStoreIsABackup: it opens elsewhere, with all that it had.
func TestCopyOfAStoreIsABackup(t *testing.T) {
	s, root := createLocked(t)
	issued := issue(t, s, root, "pico.local")
	leaf := root.leaf(t, "printer.local")
	if _, err := s.Put(Record{Name: "printer.local"}, leaf.Cert, nil); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(
		s.PutDeviceFile("pico.local", "vapid.pem", []byte("key")),
		s.Revoke([]Revocation{issued.Revocation(noon, ca.Superseded)}, []NewCRL{{issued.Root, root.crl(t, 3, issued.Leaf.SerialNumber)}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(tempDir(t), "copy")
	if err := os.CopyFS(dir, os.DirFS(s.Path("."))); err != nil {
		t.Fatal(err)
	}
	narrow(t, dir)
	if err := os.Chmod(filepath.Join(dir, "devices/pico.local/vapid.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := full(t, open(t, dir)), full(t, s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestAgentKeyWithHiddenCharacters never reaches a terminal.
func TestAgentKeyWithHiddenCharacters(t *testing.T) {
	s, _ := createLocked(t)
	root := newRoot(t)
	added := addRoot(t, s, NewRoot{Certificate: root.Cert, Agent: &AgentKey{Fingerprint: "SHA256:x"}})
	name := s.Path("roots/" + added.ID + "/key.json")
	for _, data := range []string{`{"fingerprint":"\u001b[2J"}`, `{"comment":"\u202e"}`, "x", ""} {
		put(t, name, data, 0o644)
		if _, err := s.RootAgentKey(added); !isDamaged(err, name) || strings.ContainsAny(err.Error(), "\x1b\u202e") {
			t.Errorf("%q: got %v, want a DamagedError", data, err)
		}
	}
}
