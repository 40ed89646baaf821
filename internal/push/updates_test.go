package push

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/testpki"
)

var updatesStart = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// updatingBoard stands for the program of picoca example --updates.
type updatingBoard struct {
	t                 *testing.T
	root, old, newest testpki.Pair
	owners            []tls.Certificate
	*httptest.Server

	mutex    sync.Mutex
	accepts  int // which of the owners
	trial    bool
	live     bool
	got      map[string][]byte
	requests []string
	answers  map[string]int // of requests that fail
	time     string         // that it was given
	page     string         // the digest of what it has for phones
	names    []string       // that belong to the pair on trial
	broken   bool           // the pair on trial is not the one that was sent
	tooOld   bool           // it speaks only TLS 1.1
	shown    bool           // a client has shown a certificate
	ends     bool           // no connection is possible once the pair is on trial
}

func newUpdatingBoard(t *testing.T) *updatingBoard {
	t.Helper()
	root := testpki.Home(t, updatesStart)
	b := &updatingBoard{t: t, root: root, old: root.Server(t, updatesStart, "pico.local"), newest: root.Server(t, updatesStart, "pico.local"), got: map[string][]byte{}, answers: map[string]int{}}
	for range 2 {
		key := testpki.NewKey(t, ca.P256)
		cert, err := ca.NewOwner(key)
		if err != nil {
			t.Fatal(err)
		}
		b.owners = append(b.owners, testpki.Pair{Cert: cert, Key: key}.TLS())
	}
	b.Server = httptest.NewUnstartedServer(b)
	b.TLS = &tls.Config{GetConfigForClient: b.config}
	b.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.StartTLS()
	t.Cleanup(b.Close)
	return b
}

// config is what a connection gets: on trial, the new pair and the first owner.
func (b *updatingBoard) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.ends && b.trial {
		return nil, errors.New("the power is off")
	}
	pair, accepts := b.old, b.accepts
	if b.trial || b.live {
		accepts = 0
	}
	if (b.trial || b.live) && !b.broken {
		pair = b.newest
	}
	want := b.owners[accepts].Certificate[0]
	newest := uint16(tls.VersionTLS12)
	if b.tooOld {
		newest = tls.VersionTLS11
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair.TLS()}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS10, MaxVersion: newest,
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			b.mutex.Lock()
			b.shown = true
			b.mutex.Unlock()
			if !bytes.Equal(raw[0], want) {
				return errors.New("not the owner")
			}
			return nil
		},
	}, nil
}

func (b *updatingBoard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	request := r.Method + " " + r.URL.Path
	b.requests = append(b.requests, request)
	if status := b.answers[request]; status != 0 {
		w.WriteHeader(status)
		io.WriteString(w, "the board's \x1b[31mreason")
		return
	}
	switch request {
	case "GET /trust":
		io.WriteString(w, b.page)
	case "POST /try":
		b.trial, b.names = true, strings.Fields(string(body))
	case "POST /live":
		b.live, b.time = true, string(body)
	default:
		b.got[r.URL.Path] = body
	}
}

func (b *updatingBoard) place() string { return "https://" + b.Listener.Addr().String() }

// access is what picoca has for the board at a time.
func (b *updatingBoard) access(now time.Time) *Updates {
	roots := x509.NewCertPool()
	roots.AddCert(b.root.Cert)
	return &Updates{Name: "pico.local", Port: 9443, Roots: roots, Now: now, Known: func([]byte) bool { return false }, Revoked: func(*x509.Certificate) bool { return false }, Newest: b.newest.Cert.Raw, Owners: b.owners}
}

// put pushes as picoca does at a time.
func (b *updatingBoard) put(now time.Time, change func(*Updates)) ([]Done, error) {
	b.t.Helper()
	computer := Computer{OS: "linux", Base: b.t.TempDir(), Dial: (&net.Dialer{}).DialContext}
	d, err := computer.Open(b.t.Context(), b.place(), Access{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer d.Close()
	if d.Kind != HTTPS || d.Board != (Board{}) {
		b.t.Errorf("got %+v", d)
	}
	access := b.access(now)
	if change != nil {
		change(access)
	}
	files := []File{{Name: "cert.der", Data: []byte("certificate")}, {Name: "key.der", Data: []byte("key"), Private: true}}
	return d.Put(b.t.Context(), files, Options{Updates: access})
}

func TestPutOverHTTPS(t *testing.T) {
	b := newUpdatingBoard(t)
	b.accepts = 1 // the board knows an earlier owner
	done, err := b.put(updatesStart, nil)
	if err != nil || len(done) != 2 || done[0].State != Written || !done[1].Private {
		t.Fatalf("got %+v, %v", done, err)
	}
	if got := strings.Join(b.requests, ", "); got != "PUT /cert.der, PUT /key.der, POST /try, POST /live" || string(b.got["/key.der"]) != "key" || b.time != "1795176000" {
		t.Errorf("got %s, key %q, time %q", got, b.got["/key.der"], b.time)
	}
	b.requests = nil
	if done, err = b.put(updatesStart, nil); err != nil || done[0].State != Unchanged || strings.Join(b.requests, ", ") != "POST /live" {
		t.Errorf("again: got %+v, %v after %q", done, err, b.requests)
	}
}

// TestPageOverHTTPS: what phones get comes with the pair, or after it if only that is
// out of date.
func TestPageOverHTTPS(t *testing.T) {
	files := []File{{Name: "cert.der", Data: []byte("certificate")}, {Name: "trust.html", Data: []byte("page"), Public: true}, {Name: "root.crt", Data: []byte("root"), Public: true}}
	for _, row := range []struct {
		name, page string // the board's, "" if its program has none
		live       bool   // the board has the pair
		want       State  // of the page
		requests   string
	}{
		{"another page", "0123", true, Written, "GET /trust, PUT /cert.der, PUT /trust.html, PUT /root.crt, POST /try, POST /live"},
		{"the same page", pageDigest(files), true, Unchanged, "GET /trust, POST /live"},
		{"the same page, another pair", pageDigest(files), false, Written, "GET /trust, PUT /cert.der, PUT /trust.html, PUT /root.crt, POST /try, POST /live"},
		{"a damaged page", "409", true, Written, "GET /trust, PUT /cert.der, PUT /trust.html, PUT /root.crt, POST /try, POST /live"},
		{"an earlier program", "404", false, Kept, "GET /trust, PUT /cert.der, POST /try, POST /live"},
		{"an earlier program that has the pair", "404", true, Kept, "GET /trust, POST /live"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newUpdatingBoard(t)
			b.page, b.live = row.page, row.live
			b.answers["GET /trust"] = map[string]int{"404": 404, "409": 409}[row.page]
			d, err := openUpdates(b.place(), (&net.Dialer{}).DialContext)
			if err != nil {
				t.Fatal(err)
			}
			done, err := d.Put(t.Context(), files, Options{Updates: b.access(updatesStart)})
			if err != nil || len(done) != 3 || done[1].State != row.want || done[2].State != row.want {
				t.Errorf("got %+v, %v", done, err)
			}
			if got := strings.Join(b.requests, ", "); got != row.requests {
				t.Errorf("got %s, want %s", got, row.requests)
			}
			if names := strings.Join(b.names, " "); row.want == Written && names != "cert.der trust.html root.crt" {
				t.Errorf("the board is to keep %q", names)
			}
		})
	}
}

// TestPageDigest holds the form that boards compute: a project that was copied there
// has it already.
func TestPageDigest(t *testing.T) {
	want := sha256.Sum256([]byte("a.crt 1\nAtrust.html 2\nBB"))
	files := []File{{Name: "trust.html", Data: []byte("BB"), Public: true}, {Name: "key.der", Data: []byte("k")}, {Name: "a.crt", Data: []byte("A"), Public: true}}
	if got := pageDigest(files); got != hex.EncodeToString(want[:]) {
		t.Errorf("got %s, want %x", got, want)
	}
}

// TestPutOverHTTPSAfterAnInterruption: the board shows the new certificate only for a
// while, unless a client says that it saw this.
func TestPutOverHTTPSAfterAnInterruption(t *testing.T) {
	b := newUpdatingBoard(t)
	b.trial = true
	if _, err := b.put(updatesStart, nil); err != nil || !b.live {
		t.Errorf("got %v, in use: %v", err, b.live)
	}
	b.answers["POST /live"] = 404
	if _, err := b.put(updatesStart, nil); !errors.As(err, new(*UpdateError)) {
		t.Errorf("the trial has ended meanwhile: got %v", err)
	}
}

// TestPutOverHTTPSAfterTheEnd: the board was off while its certificate ended.
func TestPutOverHTTPSAfterTheEnd(t *testing.T) {
	b := newUpdatingBoard(t)
	later := updatesStart.AddDate(4, 0, 0)
	b.newest = b.root.Server(t, later, "pico.local")
	if done, err := b.put(later, func(u *Updates) { u.Known = func(der []byte) bool { return bytes.Equal(der, b.old.Cert.Raw) } }); err != nil || done[0].State != Written {
		t.Errorf("got %+v, %v", done, err)
	}
}

// TestPutOverHTTPSFails: no board gets the key without proof, and
// nothing becomes live that was not seen.
func TestPutOverHTTPSFails(t *testing.T) {
	for name, row := range map[string]struct {
		board  func(*updatingBoard)
		now    time.Time
		access func(*Updates)
		want   any // the error's type
		says   string
		hint   string
	}{
		"another CA's": {access: func(u *Updates) { u.Roots = x509.NewCertPool() }, want: new(*StrangerError), says: "so nothing was sent", hint: "by its name: --to https://pico.local:9443; if the board has a certificate of an earlier root"},
		"another name": {access: func(u *Updates) { u.Name = "other.local" }, want: new(*StrangerError), says: "so nothing was sent", hint: "no other device has the board's address; if the board has another one now, find it by its name: --to https://other.local:9443"},
		"ended":        {now: updatesStart.AddDate(4, 0, 0), want: new(*StrangerError), says: "expired", hint: "connect the board by USB"},
		"revoked":      {access: func(u *Updates) { u.Revoked = func(*x509.Certificate) bool { return true } }, want: new(*StrangerError), says: "is revoked", hint: "connect the board by USB"},
		"no owner":     {access: func(u *Updates) { u.Owners = u.Owners[1:] }, want: new(*RefusedError), says: "does not accept the update identity", hint: "--to PORT"},
		"no room":      {board: func(b *updatingBoard) { b.answers["PUT /key.der"] = 409 }, want: new(*UpdateError), says: `(409): "the board's \x1b[31mreason"`, hint: "restart"},
		"no program":   {board: func(b *updatingBoard) { b.answers["PUT /cert.der"] = 404 }, want: new(*UpdateError), says: "(404)", hint: "picoca example --updates"},
		"bad pair":     {board: func(b *updatingBoard) { b.answers["POST /try"] = 409 }, want: new(*UpdateError), says: "(409)"},
		"not shown":    {board: func(b *updatingBoard) { b.broken = true }, want: new(*UnprovenError), says: "keeps the previous one"},
		"off by then":  {board: func(b *updatingBoard) { b.ends = true }, want: new(*UnprovenError), says: "keeps the previous one"},
		"not live":     {board: func(b *updatingBoard) { b.answers["POST /live"] = 409 }, want: new(*UpdateError)},
		"off":          {board: func(b *updatingBoard) { b.Close() }, want: new(*GoneError), says: "refused", hint: "takes updates; under its name: --to https://pico.local:9443; over a cable"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newUpdatingBoard(t)
			if row.board != nil {
				row.board(b)
			}
			now := row.now
			if now.IsZero() {
				now = updatesStart
			}
			_, err := b.put(now, row.access)
			hint := fault.HintOf(err).Text(func(c fault.Command) string { return strings.Join(c, " ") })
			if err == nil || !errors.As(err, row.want) || !strings.Contains(err.Error(), row.says) || !strings.Contains(hint, row.hint) {
				t.Errorf("got %v (%T), hint %q", err, err, hint)
			}
			if b.live {
				t.Error("the board uses the new pair")
			}
			if _, sent := b.got["/key.der"]; sent && row.board == nil {
				t.Error("the key was sent")
			}
		})
	}
}

// TestPutOverHTTPSFindsTheBoard: what answers at its former address learns nothing.
func TestPutOverHTTPSFindsTheBoard(t *testing.T) {
	stranger := func(change func(*updatingBoard)) func(*testing.T) string {
		return func(t *testing.T) string {
			other := newUpdatingBoard(t)
			change(other)
			t.Cleanup(func() {
				other.mutex.Lock()
				defer other.mutex.Unlock()
				if len(other.requests) > 0 || other.shown {
					t.Errorf("the stranger got %q, and saw an owner: %v", other.requests, other.shown)
				}
			})
			return other.place()
		}
	}
	for name, before := range map[string]func(*testing.T) string{
		"nothing answers": func(t *testing.T) string {
			gone := newUpdatingBoard(t)
			gone.Close()
			return gone.place()
		},
		"another CA's board": stranger(func(*updatingBoard) {}),
		"an older TLS":       stranger(func(other *updatingBoard) { other.tooOld = true }),
		"no TLS":             plainServer,
	} {
		t.Run(name, func(t *testing.T) {
			b, old := newUpdatingBoard(t), before(t)
			b.accepts = 1
			d, err := openUpdates(old, (&net.Dialer{}).DialContext)
			if err != nil {
				t.Fatal(err)
			}
			access := b.access(updatesStart)
			access.Elsewhere = []string{"https://127.0.0.1:1", b.place()}
			if done, err := d.Put(t.Context(), []File{{Name: "cert.der"}}, Options{Updates: access}); err != nil || done[0].State != Written || !b.live || d.Place != b.place() {
				t.Errorf("got %+v at %s, %v; want it written at %s", done, d.Place, err, b.place())
			}
		})
	}
}

// TestPutOverHTTPSFindsNoBoard names every place, and no other is remembered.
func TestPutOverHTTPSFindsNoBoard(t *testing.T) {
	b, other := newUpdatingBoard(t), newUpdatingBoard(t)
	d, err := openUpdates(other.place(), (&net.Dialer{}).DialContext)
	if err != nil {
		t.Fatal(err)
	}
	access := b.access(updatesStart)
	access.Elsewhere = []string{"https://127.0.0.1:1"}
	done, err := d.Put(t.Context(), []File{{Name: "key.der"}}, Options{Updates: access})
	lost, ok := errors.AsType[*LostError](err)
	if !ok || len(lost.Errs) != 2 || !strings.Contains(err.Error(), other.place()+" does not prove") || !strings.Contains(err.Error(), "; https://127.0.0.1:1: ") || done != nil || d.Place != other.place() {
		t.Errorf("got %+v, %v at %s", done, err, d.Place)
	}
	b.accepts = 1
	access.Owners, access.Elsewhere = b.owners[:1], []string{other.place()}
	d.updates.place = b.place()
	if _, err := d.Put(t.Context(), nil, Options{Updates: access}); !errors.As(err, new(*RefusedError)) {
		t.Errorf("a board that refuses: got %v", err)
	}
}

// TestPutOverHTTPSGivesUp: a place that swallows everything does not take all the time.
func TestPutOverHTTPSGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		silent := func(ctx context.Context, _, address string) (net.Conn, error) {
			if address == "192.168.1.42:8443" { // a router that drops what is for nobody
				<-ctx.Done()
				return nil, ctx.Err()
			}
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			return ours, nil
		}
		d, err := openUpdates("https://192.168.1.42:8443", silent)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Put(t.Context(), nil, Options{Updates: &Updates{Name: "pico.local", Elsewhere: []string{"https://pico.local:8443"}, Owners: make([]tls.Certificate, 2)}})
		if !errors.As(err, new(*LostError)) || strings.Count(err.Error(), errSilent.Error()) != 2 {
			t.Errorf("got %v", err)
		}
		if got, want := time.Since(began), elsewhereTime+updatesTime; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
	})
}

// plainServer answers without TLS.
func plainServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return "https://" + server.Listener.Addr().String()
}

func TestPutOverHTTPSIsInterrupted(t *testing.T) {
	b := newUpdatingBoard(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := openUpdates(b.place(), (&net.Dialer{}).DialContext)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(ctx, nil, Options{Updates: &Updates{Owners: b.owners}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an interruption", err)
	}
}

func TestPlacesOfUpdates(t *testing.T) {
	for place, want := range map[string]string{
		"https://pico.local": "pico.local:8443", "https://192.168.1.42:9443/": "192.168.1.42:9443", "https://[fe80::1]": "[fe80::1]:8443", "https://[fe80::1%25eth0]": "[fe80::1%eth0]:8443",
		"https://": "", "https://pico.local/x": "", "https://me@pico.local": "", "https://pico.local:x": "",
		"https://pico.local:99999": "", "https://pico.local:0": "", "https://pico.local#x": "", "https://pico.local?": "", "https://pico.local//": "",
	} {
		d, err := openUpdates(place, nil)
		if _, wrong := errors.AsType[*PlaceError](err); wrong != (want == "") {
			t.Errorf("%s: got %v", place, err)
		} else if err == nil && d.updates.address != want {
			t.Errorf("%s: got %s, want %s", place, d.updates.address, want)
		}
	}
	if got := UpdatesPlace("pico.local", 8443); got != "https://pico.local:8443" {
		t.Errorf("got %q", got)
	}
}
