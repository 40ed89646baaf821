package example

import (
	"crypto/tls"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// TestExampleMutualTLS has devices with a certificate of the board's authority
// get in, and no one else: not those of another authority, not those without.
func TestExampleMutualTLS(t *testing.T) {
	eachExample(t, func(t *testing.T, firmware exampleFirmware) {
		b := newExample(t, firmware, "--mutual-tls")
		own, foreign := identity(b.home), identity(rig.NewHome(t))
		for _, row := range []struct {
			name     string
			identity *tls.Certificate
			says     []string // one of these the board prints; none if it lets the device in
		}{
			{"its own", own, nil},
			{"none", nil, []string{strconv.Itoa(rig.ErrNoClientCertificate)}},
			{"another authority's", foreign, []string{"not correctly signed by the trusted CA", strconv.Itoa(rig.ErrVerification)}},
			{"its own again", own, nil},
		} {
			v := b.visitor("127.0.0.1")
			v.identity = row.identity
			client := v.client()
			status, _, err := get(client, "/")
			client.CloseIdleConnections()
			if in := err == nil && status == 200; in != (row.says == nil) {
				t.Errorf("%s: status %d, %v", row.name, status, err)
			}
			b.log.wait(t, row.says...)
		}
	})
}

// hurry lets a board ask for the time without long pauses.
func hurry(t *testing.T, h rig.Home) {
	t.Helper()
	replaceIn(t, h.Path("project", "clock.py"), "PAUSE = 2", "PAUSE = 0", "AGAIN = 300", "AGAIN = 1")
}

// offline is a board that checks its visitors, in a home without internet: it does not
// get the network's time before try number answers.
func offline(t *testing.T, h rig.Home, answers int, env ...string) *exampleBoard {
	t.Helper()
	firmware := exampleOnMicroPython
	firmware.env = append(env, fmt.Sprintf("NTP_FAILS=%d", answers-1))
	return startExample(t, h, firmware)
}

// letsIn reports whether the board serves a visitor with an identity.
func (b *exampleBoard) letsIn(identity *tls.Certificate) bool {
	v := b.visitor("127.0.0.1")
	v.identity = identity
	client := v.client()
	defer client.CloseIdleConnections()
	status, _, err := get(client, "/status")
	return err == nil && status == 200
}

const never = 1 << 30

// TestExampleMutualTLSWithoutInternet: what the board goes by when the network does not
// say what time it is.
func TestExampleMutualTLSWithoutInternet(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run("example", "pico.local", "--for", "pico-w/micropython", "--mutual-tls", "--out", "project")
	hurry(t, h)
	phone, now := identity(h), time.Now()
	written := h.Path("project", "time.txt")
	for _, row := range []struct {
		name, text string
		answers    int
		env        []string
		in         bool
		says       string
	}{
		{name: "when the certificate was made", answers: never, in: true, says: "clock set"},
		{name: "half a file", text: "17", answers: never, in: true},
		{name: "no number", text: "x", answers: never, in: true},
		{name: "what the board wrote down", text: fmt.Sprint(now.AddDate(9, 0, 0).Unix()), answers: never, says: now.AddDate(9, 0, 0).UTC().Format("clock at 2006-01-02")},
		{name: "the network's time, later", text: fmt.Sprint(now.AddDate(9, 0, 0).Unix()), answers: 7, in: true, says: "clock set"},
		{name: "the time of a liar", answers: 2, env: []string{"NTP_SAYS=1609459300"}, in: true, says: "it is before the certificate began"},
	} {
		if os.Remove(written); row.text != "" {
			rig.WriteFile(t, written, row.text)
		}
		b := offline(t, h, row.answers, row.env...)
		b.log.wait(t, row.says)
		if got := b.letsIn(phone); got != row.in {
			t.Errorf("%s: let in: %v", row.name, got)
		}
		if row.answers == 7 {
			if text, err := strconv.Atoi(string(rig.ReadFile(t, written))); err != nil || text < int(now.Unix()) || text > int(time.Now().Unix()) {
				t.Errorf("%s: wrote down %d, %v", row.name, text, err)
			}
		}
		b.stop()
	}

	// A certificate with a short life begins less than a day before it is made.
	h.Run("renew", "pico.local", "--days", "7")
	short := offline(t, h, never)
	short.log.wait(t, "clock set")
	short.stop()

	// Without all that, the board is in 2021.
	replaceIn(t, h.Path("project", "main.py"), "clock.start(", "str(")
	b := offline(t, h, never)
	if b.letsIn(phone) {
		t.Error("let in with the clock in 2021")
	}
	b.log.wait(t, "starts in the future")
}

// identity has picoca make a client identity, as for a phone.
func identity(h rig.Home) *tls.Certificate {
	h.T.Helper()
	if err := os.WriteFile(h.Path("passphrase"), []byte("correct-horse-battery-staple-2026\n"), 0o600); err != nil {
		h.T.Fatal(err)
	}
	h.Run("identity", "phone", "--out", "phone-p12", "--p12-passphrase-file", "passphrase")
	h.Run("export", "phone", "--format", "pem", "--out", "phone-pem")
	pair, err := tls.LoadX509KeyPair(h.Path("phone-pem", "cert.pem"), h.Path("phone-pem", "key.pem"))
	if err != nil {
		h.T.Fatal(err)
	}
	return &pair
}
