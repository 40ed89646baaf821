package pki

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

// writeProject writes a project to a folder of its own.
func (a authority) writeProject(req ProjectRequest) (w WrittenProject) {
	a.t.Helper()
	a.use(func(c *CA) {
		p, err := c.PlanProject(req)
		if err == nil {
			w, err = p.Write(a.t.Context(), nobodyWaits(a.t))
		}
		if err != nil {
			a.t.Fatal(err)
		}
	})
	return w
}

// pages returns the devices that serve the CA, each with whether that is current.
func (a authority) pages() (got string) {
	a.t.Helper()
	a.use(func(c *CA) {
		all, err := c.TrustPages(start.Add(2 * day))
		if err != nil {
			a.t.Fatal(err)
		}
		current := make([]string, len(all))
		for i, page := range all {
			current[i] = fmt.Sprintf("{%s %v}", page.Name, page.Current)
		}
		got = fmt.Sprint(current)
	})
	return got
}

func TestTrustPagesFollowTheProjects(t *testing.T) {
	a := newAuthority(t, "")
	for _, name := range []string{"desk.local", "pico.local"} {
		a.mustIssue(Request{Names: names(t, name)}, start)
	}
	want := func(when, want string) {
		t.Helper()
		if got := a.pages(); got != want {
			t.Errorf("%s: got %s, want %s", when, got, want)
		}
	}
	want("without a project", "[]")
	a.writeProject(ProjectRequest{Name: "pico.local"})
	want("with one", "[{pico.local true}]")
	a.writeProject(ProjectRequest{Name: "desk.local", For: target(t, "pico-w/pico-sdk"), Out: "sdk"})
	want("with one that cannot serve it", "[{pico.local true}]")
	a.writeProject(ProjectRequest{Name: "desk.local", For: target(t, "pico-w/circuitpython"), Out: "desk"})
	want("with two", "[{desk.local true} {pico.local true}]")
	a.addRoot(start.Add(day), false)
	want("after a rotation", "[{desk.local false} {pico.local false}]")
	if w := a.writeProject(ProjectRequest{Name: "pico.local", Force: true}); len(w.Copied) > 0 {
		t.Errorf("what picoca wrote for one root is kept as %q", w.Copied)
	}
	want("with both roots", "[{desk.local false} {pico.local true}]")
	a.retire(0)
	want("with a retired root", "[{desk.local false} {pico.local false}]")
	a.writeProject(ProjectRequest{Name: "desk.local", For: target(t, "pico-w/pico-sdk"), Out: "sdk", Force: true})
	want("with a last project that cannot serve it", "[{pico.local false}]")
}

func TestSheetChoosesItsDevice(t *testing.T) {
	a := newAuthority(t, "")
	choose := func(device string) (name string, err error) {
		a.use(func(c *CA) {
			var sheet Sheet
			if sheet, err = c.Sheet(device, start); err == nil {
				name = sheet.Board.Name
			}
		})
		return name, err
	}
	if _, err := choose(""); !isError[*NoTrustPageError](err) || fault.CodeOf(err) != fault.Failed {
		t.Errorf("without a device: got %v, want a NoTrustPageError", err)
	}
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	a.writeProject(ProjectRequest{Name: "pico.local"})
	if got, err := choose(""); got != "pico.local" || err != nil {
		t.Errorf("with one device: got %q, %v", got, err)
	}
	a.mustIssue(Request{Names: names(t, "nas.local")}, start)
	if _, err := choose("nas.local"); !isError[*NoTrustPageError](err) {
		t.Errorf("another device: got %v, want a NoTrustPageError", err)
	}
	a.mustIssue(Request{Names: names(t, "desk.local")}, start)
	a.writeProject(ProjectRequest{Name: "desk.local"})
	if _, err := choose(""); !isError[*WhichTrustPageError](err) || fault.CodeOf(err) != fault.Usage {
		t.Errorf("with two devices: got %v, want a WhichTrustPageError", err)
	}
	if got, err := choose("DESK.local"); got != "desk.local" || err != nil {
		t.Errorf("with a name: got %q, %v", got, err)
	}
	if _, err := choose("nothere.local"); !isError[*NotIssuedError](err) {
		t.Errorf("an unknown name: got %v, want a NotIssuedError", err)
	}
}

func isError[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func TestWhichTrustPageListsAFew(t *testing.T) {
	err := &WhichTrustPageError{Names: strings.Fields("a b c d e f g")}
	if got, want := err.Error(), "7 boards serve the CA to phones: a, b, c, d, e and 2 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBoardServesNoSecret looks for every private key of the store, in each form
// that a file could have it, in all that the board serves to strangers and in every
// other file of the project; it is found in the one that must have it.
func TestBoardServesNoSecret(t *testing.T) {
	a := newAuthority(t, "")
	a.addRoot(start.Add(day), false)
	a.mustIssue(Request{Names: names(t, "pico.local")}, start.Add(day))
	a.mustIssue(identity(t, "tablet"), start.Add(day))
	a.writeProject(ProjectRequest{Name: "pico.local", Out: "project"})
	secrets := a.secrets()
	if len(secrets) != 4 {
		t.Fatalf("got %d keys, want those of two roots, a device and an identity", len(secrets))
	}
	var public []string
	a.use(func(c *CA) {
		p, err := c.PlanProject(ProjectRequest{Name: "pico.local", Out: "elsewhere"})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range p.trust {
			public = append(public, file.File.Name)
		}
		sheet, err := c.Sheet("pico.local", start.Add(day))
		if err != nil {
			t.Fatal(err)
		}
		page, err := sheet.Board.Sheet(start)
		if err != nil || os.WriteFile("project/sheet.html", page, 0o600) != nil {
			t.Fatal(err)
		}
	})
	if want := []string{"trust.html", "picoca-root.mobileconfig", "picoca-root.crt", "picoca-root-2.crt"}; !slices.Equal(public, want) {
		t.Fatalf("got %q, want %q", public, want)
	}
	files, err := os.ReadDir("project")
	if err != nil || len(files) < len(public)+2 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join("project", file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		secret := holdsSecret(data, secrets) || bytes.Contains(data, []byte("PRIVATE KEY--")) || bytes.Contains(data, []byte("pkcs12"))
		if secret != (file.Name() == "key.der") {
			t.Errorf("%s: holds a private key is %v", file.Name(), secret)
		}
	}
	key, err := os.ReadFile("project/key.der")
	if err != nil || !holdsSecret([]byte(base64.StdEncoding.EncodeToString(key)), secrets) {
		t.Errorf("the device's own key is not found in base64 (%v)", err)
	}
}

// secrets returns the scalar of every private key in the store.
func (a authority) secrets() (all [][]byte) {
	a.t.Helper()
	err := filepath.WalkDir(a.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "key.pem" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(data)
		var outer struct {
			Version   int
			Algorithm asn1.RawValue
			Key       []byte
		}
		var inner struct {
			Version int
			Scalar  []byte
			Rest    asn1.RawValue `asn1:"optional,explicit,tag:1"`
		}
		if _, err := asn1.Unmarshal(block.Bytes, &outer); err != nil {
			return err
		}
		_, err = asn1.Unmarshal(outer.Key, &inner)
		all = append(all, inner.Scalar)
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return all
}

// holdsSecret looks for 16 bytes from the middle of each secret, as they are, in
// hexadecimal and in base64, whatever stands before them.
func holdsSecret(data []byte, secrets [][]byte) bool {
	flat := bytes.Join(bytes.Fields(data), nil)
	for _, secret := range secrets {
		forms := [][]byte{secret[8:24], fmt.Appendf(nil, "%x", secret[8:24]), fmt.Appendf(nil, "%X", secret[8:24])}
		for skip := range 3 {
			text := base64.StdEncoding.EncodeToString(append(make([]byte, skip), secret...))
			forms = append(forms, []byte(text[8:36]))
		}
		if slices.ContainsFunc(forms, func(form []byte) bool { return bytes.Contains(data, form) || bytes.Contains(flat, form) }) {
			return true
		}
	}
	return false
}
