package onboard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ends waits for the end of Run.
func (v *visit) ends() {
	v.t.Helper()
	select {
	case err := <-v.ended:
		if err != nil {
			v.t.Errorf("Run: %v", err)
		}
	case <-time.After(slowest):
		v.t.Fatalf("Run has not ended after %v", slowest)
	}
}

func (v *visit) portsAreFree() {
	v.t.Helper()
	l := v.Server.config.Listeners
	for _, was := range []net.Listener{l.Page, l.Check, l.Proof} {
		again, err := net.Listen("tcp", was.Addr().String())
		if err != nil {
			v.t.Errorf("the port is still taken: %v", err)
			continue
		}
		again.Close()
	}
}

func TestRunEndsWithItsContextAndFreesThePorts(t *testing.T) {
	v := serve(t, nil)
	v.get(v.client(false), v.URL(), "") // leaves an idle connection behind
	conn, err := net.Dial("tcp", v.Server.config.Listeners.Page.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	v.stop()
	v.ends()
	v.portsAreFree()
	conn.SetReadDeadline(time.Now().Add(slowest))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a silent connection is left open: %v", err)
	}
	if _, err := v.client(false).Get(v.URL()); err == nil {
		t.Error("the server still answers")
	}
}

func TestRunEndsWhileAVisitIsUnderWay(t *testing.T) {
	v := serve(t, func(c *Config) { c.patience = time.Minute })
	left := make(chan struct{})
	go func() {
		defer close(left)
		if response, err := v.client(true).Get(v.checkURL()); err == nil {
			io.Copy(io.Discard, response.Body)
		}
	}()
	v.waitFor(Checking)
	v.stop()
	v.ends()
	v.portsAreFree()
	select {
	case <-left:
	case <-time.After(slowest):
		t.Error("the visit goes on after the end")
	}
}

func TestEveryWaitHasAnEnd(t *testing.T) {
	server := newHTTPServer(nil)
	for name, limit := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "answer": server.WriteTimeout, "idle": server.IdleTimeout,
	} {
		if limit <= 0 || limit > 20*time.Second {
			t.Errorf("%s: got %v, want at most 20 s", name, limit)
		}
	}
	if server.WriteTimeout < proofWithin+5*time.Second {
		t.Errorf("answers may take %v, but the check page waits %v before the verdict", server.WriteTimeout, proofWithin)
	}
	if server.ReadTimeout != 0 && server.ReadTimeout < proofWithin {
		t.Errorf("reading ends after %v, and with it the wait of %v for the proof", server.ReadTimeout, proofWithin)
	}
}

// A resumed session skips the certificate, and with it the proof.
func TestEveryConnectionShowsTheCertificateAgain(t *testing.T) {
	v := serve(t, nil)
	roots := x509.NewCertPool()
	roots.AddCert(v.root)
	config := &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	for _, host := range []string{v.checkHost(), v.proofHost(), v.proofHost(), v.checkHost()} {
		conn, err := tls.Dial("tcp", host, config)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		conn.Read(make([]byte, 4096)) // a ticket would come before the answer
		if state := conn.ConnectionState(); state.DidResume || state.Version < tls.VersionTLS12 {
			t.Errorf("%s: resumed %t, version %x", host, state.DidResume, state.Version)
		}
		conn.Close()
	}
}

func TestUntilTrustedEndsAfterTheProofAndItsPage(t *testing.T) {
	v := serve(t, func(c *Config) { c.UntilTrusted = true })
	if body := v.prove(v.client(true)); !strings.Contains(body, "Yes, it does") {
		t.Error("the page did not get its verdict")
	}
	v.ends()
	v.portsAreFree()
	if v.count(Trusted) != 1 {
		t.Errorf("got %v", v.reported())
	}
}

func TestUntilTrustedWaitsForTheIdentity(t *testing.T) {
	v := serve(t, func(c *Config) {
		c.UntilTrusted = true
		c.Identity = newIdentity("a", "a")
	})
	trusting := v.client(true)
	v.prove(trusting)
	v.waitFor(Trusted)
	select {
	case <-v.ended:
		t.Fatal("Run ended before the identity was fetched")
	case <-time.After(100 * time.Millisecond):
	}
	v.get(trusting, "https://"+v.checkHost()+v.p12Path(), "")
	v.ends()
}

func TestNoEventIsLostAtTheEnd(t *testing.T) {
	slow := make(chan struct{})
	var got []Event
	c := newHome(t, nil).makeConfig()
	c.Notify = func(e Event) { <-slow; got = append(got, e) }
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	const visits = 20
	for range visits {
		response, err := http.Get(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	stop()
	<-s.over
	close(slow)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	sum := 0
	for _, e := range got {
		sum += e.Count
	}
	if sum != visits || got[len(got)-1].Total != visits {
		t.Errorf("got events %v, want %d visits in all", got, visits)
	}
}

func TestRunGoesOnAfterTheProofOtherwise(t *testing.T) {
	v := serve(t, nil)
	v.prove(v.client(true))
	v.waitFor(Trusted)
	if response, _ := v.get(v.client(false), v.URL(), ""); response.StatusCode != 200 {
		t.Errorf("got %s", response.Status)
	}
}

func TestRunReportsAListenerThatBreaks(t *testing.T) {
	c := newHome(t, nil).makeConfig()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Listeners.Proof.Close()
	ctx, cancel := context.WithTimeout(context.Background(), slowest)
	defer cancel()
	if err := s.Run(ctx); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}

func TestURLsAreShortAndOnTheListenersAddress(t *testing.T) {
	v := serve(t, nil)
	at := v.Server.config.Listeners.Page.Addr().String()
	if !regexp.MustCompile(`^http://` + regexp.QuoteMeta(at) + `/[a-z2-7]{13}$`).MatchString(v.URL()) {
		t.Errorf("got %s", v.URL())
	}
	other := serve(t, nil)
	if other.base() == v.base() {
		t.Error("two servers have the same path")
	}
}

func TestEventsReadAsLinesAndAsJSON(t *testing.T) {
	phone := netip.MustParseAddr("192.168.1.33")
	at := time.Date(2026, 11, 21, 14, 2, 11, 0, time.UTC)
	tests := []struct {
		event      Event
		line, json string
	}{
		{Event{at, Opened, phone, IPhone, "", "", 1, 1}, "192.168.1.33 (iPhone) opened the page",
			`{"time":"2026-11-21T14:02:11Z","event":"opened","address":"192.168.1.33","device":"iPhone","count":1,"total":1}`},
		{Event{at, Opened, phone, IPhone, "", "", 1, 2}, "192.168.1.33 (iPhone) opened the page (again)",
			`{"time":"2026-11-21T14:02:11Z","event":"opened","address":"192.168.1.33","device":"iPhone","count":1,"total":2}`},
		{Event{at, Opened, phone, IPhone, "", "", 9999, 10000}, "192.168.1.33 (iPhone) opened the page (9999 more times)",
			`{"time":"2026-11-21T14:02:11Z","event":"opened","address":"192.168.1.33","device":"iPhone","count":9999,"total":10000}`},
		{Event{at, Downloaded, phone, Android, "picoca-root.crt", "", 1, 1}, "192.168.1.33 (Android) downloaded picoca-root.crt",
			`{"time":"2026-11-21T14:02:11Z","event":"downloaded","address":"192.168.1.33","device":"Android","file":"picoca-root.crt","count":1,"total":1}`},
		{Event{at, Distrusted, phone, IPhone, "", "", 1, 1}, "192.168.1.33 (iPhone) refused the certificate: it does not trust the root yet",
			`{"time":"2026-11-21T14:02:11Z","event":"distrusted","address":"192.168.1.33","device":"iPhone","count":1,"total":1}`},
		{Event{at, Checking, phone, "", "", "", 1, 1}, "192.168.1.33 opened the check page",
			`{"time":"2026-11-21T14:02:11Z","event":"checking","address":"192.168.1.33","count":1,"total":1}`},
		{Event{at, Trusted, phone, IPhone, "", "", 1, 1}, "192.168.1.33 (iPhone) trusts the root (checked over HTTPS)",
			`{"time":"2026-11-21T14:02:11Z","event":"trusted","address":"192.168.1.33","device":"iPhone","count":1,"total":1}`},
		{Event{at, Unproven, phone, IPhone, "", pastWarning, 1, 1}, "192.168.1.33 (iPhone) opened the check page, but sent no proof of trust: went past a warning, does not trust the root",
			`{"time":"2026-11-21T14:02:11Z","event":"unproven","address":"192.168.1.33","device":"iPhone","reason":"went past a warning, does not trust the root","count":1,"total":1}`},
		{Event{at, Unproven, phone, IPhone, "", noImage, 1, 1}, "192.168.1.33 (iPhone) opened the check page, but sent no proof of trust: a warning was tapped away, or images are blocked",
			`{"time":"2026-11-21T14:02:11Z","event":"unproven","address":"192.168.1.33","device":"iPhone","reason":"a warning was tapped away, or images are blocked","count":1,"total":1}`},
		{Event{at, Delivered, phone, IPad, "tablet.p12", "", 1, 1}, "192.168.1.33 (iPad) downloaded tablet.p12",
			`{"time":"2026-11-21T14:02:11Z","event":"delivered","address":"192.168.1.33","device":"iPad","file":"tablet.p12","count":1,"total":1}`},
		{Event{at, Rejected, phone, "", "", wrongHost, 3, 3}, "192.168.1.33 sent a request that was rejected: wrong Host header (3 times)",
			`{"time":"2026-11-21T14:02:11Z","event":"rejected","address":"192.168.1.33","reason":"wrong Host header","count":3,"total":3}`},
		{Event{at, Opened, netip.Addr{}, "", "", "", 3, 7}, "other visitors opened the page (3 more times)",
			`{"time":"2026-11-21T14:02:11Z","event":"opened","address":"","count":3,"total":7}`},
	}
	for _, test := range tests {
		if got := test.event.String(); got != test.line {
			t.Errorf("got %q, want %q", got, test.line)
		}
		got, err := json.Marshal(test.event)
		if err != nil || string(got) != test.json {
			t.Errorf("got %s, %v, want %s", got, err, test.json)
		}
	}
}
