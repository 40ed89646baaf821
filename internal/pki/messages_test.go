package pki

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/picoca/picoca/internal/example"
)

// messageProject writes a project with messages to a folder, and returns its key.
func (a authority) messageProject(out, contact string) (key []byte, err error) {
	a.t.Helper()
	req := ProjectRequest{Name: "pico.local", Push: true, Out: out}
	if contact != "" {
		if req.Contact, err = example.ParseContact(contact); err != nil {
			return nil, err
		}
	}
	a.use(func(c *CA) {
		var project *Project
		if project, err = c.PlanProject(req); err == nil {
			_, err = project.Write(a.t.Context(), nobodyWaits(a.t))
		}
	})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(out, "vapid.key"))
}

func TestKeyForMessagesOutlivesItsCertificate(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	first, err := a.messageProject("first", "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	a.mustIssue(Request{Names: names(t, "pico.local"), Renew: true}, start.Add(day))
	second, err := a.messageProject("second", "") // the contact as before
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) || len(first) != 32 {
		t.Errorf("got keys of %d and %d bytes, want the same 32", len(first), len(second))
	}
}

// TestPushedProjectSendsMessages: push --example does not take the messages away from
// a board whose project has them.
func TestPushedProjectSendsMessages(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	out := filepath.Join(t.TempDir(), "board")
	sends := func(firmware string) (got bool) {
		t.Helper()
		a.use(func(c *CA) {
			issued, err := c.Find("pico.local")
			if err != nil {
				t.Fatal(err)
			}
			p := &Push{ca: c, Issued: issued, Target: target(t, "pico-w/"+firmware), request: PushRequest{Name: "pico.local", Example: true}}
			r, err := p.projectRequest()
			if err != nil {
				t.Fatal(err)
			}
			got = r.Push
		})
		return got
	}
	if sends("micropython") {
		t.Error("a project that never had messages sends some")
	}
	if _, err := a.messageProject(out, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if !sends("micropython") || sends("circuitpython") {
		t.Error("a project with messages is pushed without, or to CircuitPython")
	}
	if err := os.Remove(filepath.Join(out, "webpush.py")); err != nil {
		t.Fatal(err)
	}
	if sends("micropython") {
		t.Error("a project without messages is pushed with them")
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if !sends("micropython") {
		t.Error("a project whose folder is gone is pushed without its messages")
	}
}

// TestKeyForMessagesOfAnotherRun: who plans before another run stores a key must
// not write a second one.
func TestKeyForMessagesOfAnotherRun(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	contact, err := example.ParseContact("ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	a.use(func(c *CA) {
		slow, err := c.PlanProject(ProjectRequest{Name: "pico.local", Push: true, Contact: contact, Out: "slow"})
		if err != nil {
			t.Fatal(err)
		}
		fast, err := a.messageProject("fast", "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := slow.Write(t.Context(), nobodyWaits(t)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("slow", "vapid.key"))
		if err != nil || !bytes.Equal(got, fast) {
			t.Errorf("the slow run wrote a key of its own (%v)", err)
		}
	})
}

func TestMessagesNeedAContact(t *testing.T) {
	a := newAuthority(t, "")
	a.mustIssue(Request{Names: names(t, "pico.local")}, start)
	_, err := a.messageProject("out", "")
	if !errors.As(err, new(*NoContactError)) {
		t.Errorf("got error %v, want a NoContactError", err)
	}
	if _, err := os.Stat("out"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("out exists (%v)", err)
	}
}
