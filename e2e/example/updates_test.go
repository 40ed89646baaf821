package example

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// An updatesBoard takes its certificate over HTTPS. What is in the folder project
// is its flash memory; picoca has its own copy of the project.
type updatesBoard struct {
	*exampleBoard
	firmware exampleFirmware
}

func newUpdatesBoard(t *testing.T, flags ...string) *updatesBoard {
	t.Helper()
	return newUpdatesBoardOn(t, exampleOnMicroPython, flags...)
}

func newUpdatesBoardOn(t *testing.T, firmware exampleFirmware, flags ...string) *updatesBoard {
	t.Helper()
	h := rig.NewHome(t)
	h.Run("issue", "pico.local")
	h.Run(append([]string{"example", "pico.local", "--for", "pico-w/micropython", "--updates", "--out", "made"}, flags...)...)
	if err := os.CopyFS(h.Path("project"), os.DirFS(h.Path("made"))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the Wi-Fi of a computer is quick
		replaceIn(t, h.Path("project", "main.py"), "await asyncio.sleep(1)\n", "await asyncio.sleep(0)\n")
	}
	b := &updatesBoard{firmware: firmware}
	b.firmware.modules = append([]string{exampleFiles + "/micropython-cut"}, b.firmware.modules...)
	rig.WriteFile(t, h.Path("reading"), "21.5")
	b.firmware.env = []string{"READING=" + h.Path("reading")}
	b.exampleBoard = startExample(t, h, b.firmware)
	return b
}

// restart switches the board off and on. It loses its power again before step
// cutAt of those that change files, unless that is 0.
func (b *updatesBoard) restart(cutAt int) {
	b.t.Helper()
	b.stop()
	firmware := b.firmware
	firmware.env = append(firmware.env, fmt.Sprintf("CUT_AT=%d", cutAt))
	b.exampleBoard = startExample(b.t, b.home, firmware)
}

// push has picoca bring the newest certificate to where the board is now.
func (b *updatesBoard) push() error {
	_, err := b.home.Try("push", "pico.local", "--to", "https://"+b.updates)
	return err
}

func (b *updatesBoard) renew() {
	b.t.Helper()
	b.home.Run("renew", "pico.local")
}

// newest is the certificate that picoca issued last, in DER.
func (b *updatesBoard) newest() []byte {
	b.t.Helper()
	return rig.ReadFile(b.t, b.home.Path("made", "a", "cert.der"))
}

// shows visits a port with a client that trusts the CA, and returns the
// certificate that the board has there.
func (b *updatesBoard) shows(address string, identity *tls.Certificate) []byte {
	b.t.Helper()
	conn, err := b.visit(address, identity)
	if err != nil {
		b.t.Fatalf("%s: %v", address, err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}

func (b *updatesBoard) visit(address string, identity *tls.Certificate) (*tls.Conn, error) {
	v := b.visitor("127.0.0.1")
	v.identity = identity
	return tls.Dial("tcp", address, v.tls())
}

// owner is the update identity that picoca made for the board.
func (b *updatesBoard) owner() *tls.Certificate {
	b.t.Helper()
	files, err := filepath.Glob(b.home.Path("store", "devices", "pico.local", "update-*.pem"))
	if err != nil || len(files) != 1 {
		b.t.Fatalf("update identities: %q, %v", files, err)
	}
	pair, err := tls.LoadX509KeyPair(files[0], files[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return &pair
}

// TestUpdates renews ten times in a row over HTTPS; the page goes on.
func TestUpdates(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	for i := range 10 {
		before := b.newest()
		b.renew()
		if got := b.shows(b.https, nil); !bytes.Equal(got, before) {
			t.Fatal("the page has another certificate than before the push")
		}
		if i == 0 { // a visitor who stays must make room
			if _, _, err := get(b.visitor("127.0.0.2").client(), "/status"); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.push(); err != nil {
			t.Fatal(err)
		}
		if got := b.shows(b.https, nil); !bytes.Equal(got, b.newest()) {
			t.Fatal("the page does not have the new certificate")
		}
		b.visitor("127.0.0.1").mustServe("an update")
	}
	if out := b.home.Run("push", "pico.local"); !strings.Contains(out, "unchanged key.der") {
		t.Errorf("push again: got %q", out)
	}
	b.renew()
	if out := b.home.Run("renew", "--due", "--push"); !strings.Contains(out, "pico.local: pushed to https://"+b.updates) {
		t.Errorf("renew --due --push: got %q", out)
	}
	if out := b.home.Run("list"); strings.Contains(out, "not on") {
		t.Errorf("list: got %q", out)
	}
	b.restart(0)
	if got := b.shows(b.https, nil); !bytes.Equal(got, b.newest()) {
		t.Error("after a restart the page does not have the new certificate")
	}
}

// TestUpdatesAfterTheBoardMoved: the router gave it another address than picoca
// remembers.
func TestUpdatesAfterTheBoardMoved(t *testing.T) {
	t.Parallel()
	h, port := rig.NewHome(t), rig.FreePort(t)
	h.Run("issue", "localhost")
	h.Run("example", "localhost", "--for", "pico-w/micropython", "--updates="+port, "--out", "made")
	if err := os.CopyFS(h.Path("project"), os.DirFS(h.Path("made"))); err != nil {
		t.Fatal(err)
	}
	b := startExample(t, h, exampleOnMicroPython)
	former := newCounter(t, "127.0.0.1:"+port)
	h.Run("push", "localhost", "--to", "https://"+former.address)
	former.listener.Close()
	h.Run("renew", "localhost")
	now := "https://localhost:" + port
	if out := h.Run("push", "localhost", "--json"); !strings.Contains(out, `"moved_from": "https://`+former.address+`"`) || !strings.Contains(out, `"to": "`+now+`"`) {
		t.Errorf("got %s", out)
	}
	b.log.wait(t, "new certificate in b")
	if out := h.Run("push", "localhost", "--json"); strings.Contains(out, "moved_from") || !strings.Contains(out, `"to": "`+now+`"`) {
		t.Errorf("after that: got %s", out)
	}
}

// TestUpdatesAndPowerCuts cuts the power at each step of an update: the previous
// pair comes up with its page for phones, or the new one with the new page.
func TestUpdatesAndPowerCuts(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	b.renew()
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
	steps := cuts(strings.Count(b.log.String(), "step:"))
	outcomes := map[string]int{}
	b.restart(steps[0])
	for i, step := range steps {
		before, mark := b.shows(b.https, nil), fmt.Sprint("page ", i)
		b.markPage(mark)
		b.renew()
		err := b.push()
		if step > 0 != strings.Contains(b.log.String(), "cut:") {
			t.Fatalf("step %d: %v", step, err)
		}
		b.restart(slices.Concat(steps, []int{0})[i+1])
		got, page := b.shows(b.https, nil), b.phoneGets("/trust", 200)
		switch {
		case bytes.Equal(got, before) && strings.HasSuffix(page, mark):
			outcomes["previous"]++
		case bytes.Equal(got, b.newest()) && page == b.made("made"):
			outcomes["new"]++
		default:
			t.Fatalf("cut at step %d: neither the previous certificate with its page nor the new ones", step)
		}
		b.visitor("127.0.0.1").mustServe("a power cut")
	}
	t.Logf("%d steps, %d cuts: %v", slices.Max(steps), len(steps)-1, outcomes)
	if outcomes["new"] != 2 {
		t.Errorf("got %v, want 2 new: a cut after the change, and no cut", outcomes)
	}
}

// cuts are the steps of an update at which the power is cut: each of the last ones,
// and every fourth before, or all with PICOCA_TEST_ALL. None comes last.
func cuts(steps int) (all []int) {
	for step := 1; step <= steps-1; step++ { // the first of them makes a folder
		if step%4 == 1 || step > steps-13 || os.Getenv("PICOCA_TEST_ALL") != "" {
			all = append(all, step)
		}
	}
	return append(all, 0)
}

// made is the page for phones in a project that picoca wrote.
func (b *updatesBoard) made(project string) string {
	b.t.Helper()
	return string(rig.ReadFile(b.t, b.home.Path(project, "a", "trust.html")))
}

// phoneGets returns what plain HTTP answers, and wants it to have a status: all that is
// not for phones leads to HTTPS.
func (b *updatesBoard) phoneGets(path string, want int) string {
	b.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get("http://" + b.http + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		b.t.Fatalf("%s: got status %d, %v; want %d", path, response.StatusCode, err, want)
	}
	return string(body)
}

// markPage puts a text at the end of the page that phones get.
func (b *updatesBoard) markPage(text string) {
	b.t.Helper()
	live := strings.TrimSpace(string(rig.ReadFile(b.t, b.home.Path("project", "live"))))
	name := b.home.Path("project", live, "trust.html")
	if err := os.WriteFile(name, append(rig.ReadFile(b.t, name), text...), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// TestUpdatesBringThePage: a new root is on the board's page for phones with the next
// push, and an old one leaves it.
func TestUpdatesBringThePage(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	mustServe := func(when string, secondRoot int, want string) {
		t.Helper()
		b.phoneGets("/trust/picoca-root-2.crt", secondRoot)
		if b.phoneGets("/trust", 200) != want {
			t.Errorf("%s: the page is another one than a project has", when)
		}
	}
	mustServe("at first", 301, b.made("made"))
	b.home.Run("root", "rotate")
	status, _ := b.home.Try("root", "status")
	if !strings.Contains(status, "bring the new page to pico.local: picoca push pico.local;") {
		t.Errorf("root status: got %s", status)
	}
	if err := b.push(); err != nil { // the same certificate
		t.Fatal(err)
	}
	if status, _ := b.home.Try("root", "status"); strings.Contains(status, "serves other roots") {
		t.Errorf("root status after a push: got %s", status)
	}
	b.home.Run("example", "pico.local", "--for", "pico-w/micropython", "--updates", "--out", "two")
	mustServe("after a push", 200, b.made("two"))
	b.renew()
	b.home.Run("push", "pico.local")
	mustServe("after a renewal", 200, b.made("two"))
	if out := b.home.Run("push", "pico.local"); !strings.Contains(out, "unchanged trust.html") {
		t.Errorf("a second push: got %s", out)
	}
	b.home.Run("root", "retire")
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
	if status, err := b.home.Try("root", "status"); err != nil || strings.Contains(status, "serves other roots") {
		t.Errorf("root status: got %s, %v", status, err)
	}
	b.home.Run("example", "pico.local", "--for", "pico-w/micropython", "--updates", "--out", "one")
	mustServe("one root", 301, b.made("one"))
	for _, path := range []string{"/trust/key.der", "/trust/../a/key.der", "/trust/", "/trustXtrust.html"} {
		b.phoneGets(path, 301)
	}
}

// TestUpdatesOfAnEarlierProgram: a board that cannot replace its page keeps it, and gets
// its certificate.
func TestUpdatesOfAnEarlierProgram(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	b.stop()
	replaceIn(t, b.home.Path("project", "updates.py"), `or "/" not in name and suffix(name) in PUBLIC`, "", `name == "trust":`, `name == "never":`)
	b.restart(0)
	b.home.Run("root", "rotate")
	b.renew()
	out := b.home.Run("push", "pico.local", "--to", "https://"+b.updates)
	if !strings.Contains(out, "kept  trust.html") || !bytes.Equal(b.shows(b.https, nil), b.newest()) {
		t.Errorf("got %s", out)
	}
	if !strings.Contains(b.home.Run("root", "status"), "serves other roots") {
		t.Error("the page counts as replaced")
	}
}

// TestUpdatesRefuse: the handshake lets in only the owner of this board.
func TestUpdatesRefuse(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	owner := b.owner()
	b.home.Run("issue", "other.local", "--and-client", "--for", "computer")
	b.home.Run("export", "other.local", "--format", "pem", "--out", "other-pem")
	device, err := tls.LoadX509KeyPair(b.home.Path("other-pem", "cert.pem"), b.home.Path("other-pem", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, refused := range map[string]*tls.Certificate{
		"nobody":                        nil,
		"an identity of the CA":         identity(b.home),
		"another device of the CA":      &device,
		"the owner of another board":    newUpdatesBoard(t).owner(),
		"the owner, with another's key": {Certificate: owner.Certificate, PrivateKey: key},
		"a twin of the owner":           twin(t, owner.Leaf, key),
		"one whom the owner signed":     signedBy(t, owner, key),
	} {
		if conn, err := b.visit(b.updates, refused); err == nil {
			conn.Close()
			t.Errorf("%s is let in", name)
		}
	}
	b.visitor("127.0.0.1").mustServe("all of these")
	if conn, err := b.visit(b.updates, owner); err != nil {
		t.Errorf("the owner: %v", err)
	} else {
		conn.Close()
	}
	b.home.Run("revoke", "pico.local") // now a board with that certificate may be anybody's
	b.home.Run("issue", "pico.local")
	if err := b.push(); err == nil || !strings.Contains(err.Error(), "its certificate is revoked") || strings.Contains(b.log.String(), "new certificate") {
		t.Errorf("push to a board with a revoked certificate: got %v", err)
	}
}

// twin returns a certificate like the owner's for another key.
func twin(t *testing.T, owner *x509.Certificate, key *ecdsa.PrivateKey) *tls.Certificate {
	t.Helper()
	template := *owner
	template.PublicKey = key.Public()
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func signedBy(t *testing.T, owner *tls.Certificate, key *ecdsa.PrivateKey) *tls.Certificate {
	t.Helper()
	template := *owner.Leaf
	template.Subject.CommonName = "somebody"
	der, err := x509.CreateCertificate(rand.Reader, &template, owner.Leaf, key.Public(), owner.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, owner.Certificate[0]}, PrivateKey: key}
}

// ask sends requests over one connection, and returns the status of the last.
func (b *updatesBoard) ask(requests ...[]byte) (int, string) {
	b.t.Helper()
	conn, err := b.visit(b.updates, b.owner())
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	status, text := 0, ""
	for _, request := range requests {
		if _, err := conn.Write(request); err != nil {
			return 0, err.Error()
		}
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			return 0, err.Error()
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		status, text = answer.StatusCode, string(body)
	}
	return status, text
}

func put(name string, data []byte) []byte {
	return fmt.Appendf(nil, "PUT /%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", name, len(data), data)
}

func post(name string) []byte {
	return []byte("POST /" + name + " HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
}

// TestUpdatesOfBadPairs: what does not load, or does not belong together, is never
// the pair in use, not even after a restart.
func TestUpdatesOfBadPairs(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	previous, owner := b.newest(), b.owner().Certificate[0]
	oldKey := rig.ReadFile(t, b.home.Path("project", "a", "key.der"))
	b.renew()
	cert, key := b.newest(), rig.ReadFile(t, b.home.Path("made", "a", "key.der"))
	forged := append(bytes.Clone(oldKey[:len(oldKey)-65]), key[len(key)-65:]...) // the new public key beside the old secret
	for name, row := range map[string]struct {
		cert, key, owner []byte
		says             string // "" if only a handshake shows it
	}{
		"another's key":      {cert, oldKey, owner, "do not belong together"},
		"half a certificate": {cert[:len(cert)/2], key, owner, "invalid cert"},
		"half a key":         {cert, key[:len(key)/2], owner, "invalid key"},
		"no key":             {cert, nil, owner, "invalid key"},
		"no owner":           {cert, key, nil, "invalid cert"},
		"a forged key":       {cert, forged, owner, ""},
	} {
		status, text := b.ask(put("cert.der", row.cert), put("key.der", row.key), put("owner.der", row.owner), post("try"))
		if want := map[bool]int{true: 200, false: 409}[row.says == ""]; status != want || !strings.Contains(text, row.says) {
			t.Errorf("%s: got %d %q, want %d %q", name, status, text, want, row.says)
		}
		if row.says == "" {
			if conn, err := b.visit(b.updates, b.owner()); err == nil {
				conn.Close()
				t.Errorf("%s: the handshake succeeds", name)
			}
			b.restart(0)
		}
		if status, _ := b.ask(post("live")); status != 200 { // of the pair that this connection has
			t.Errorf("%s: keeping the live pair: got %d", name, status)
		}
		if got := b.shows(b.https, nil); !bytes.Equal(got, previous) {
			t.Errorf("%s: the page no longer has its certificate", name)
		}
	}
	for _, request := range [][]byte{put("main.py", []byte("x")), put("../main.py", []byte("x")), []byte("GET /key.der HTTP/1.1\r\n\r\n"), post("dead")} {
		if status, _ := b.ask(request); status != 404 {
			t.Errorf("%q: got %d, want 404", request, status)
		}
	}
	if status, text := b.ask(put("cert.der", make([]byte, 5000))); status != 0 {
		t.Errorf("5,000 bytes: got %d %q, want the connection closed", status, text)
	}
	b.visitor("127.0.0.1").mustServe("bad updates")
	b.restart(0)
	if got := b.shows(b.https, nil); !bytes.Equal(got, previous) {
		t.Error("after a restart the page no longer has its certificate")
	}
}

// TestUpdateOnTrial looks at both ports while a new pair was sent and is not in
// use.
func TestUpdateOnTrial(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	previous, owner := b.newest(), b.owner()
	b.renew()
	cert, key := b.newest(), rig.ReadFile(t, b.home.Path("made", "a", "key.der"))
	names := strings.Repeat("cert.der key.der ", 40) + "owner.der" // as if there were many roots
	try := fmt.Appendf(nil, "POST /try HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(names), names)
	send := func() {
		if status, text := b.ask(put("cert.der", cert), put("key.der", key), put("owner.der", owner.Certificate[0]), try); status != 200 {
			t.Fatalf("got %d %q", status, text)
		}
	}
	send()
	if !bytes.Equal(b.shows(b.https, nil), previous) || !bytes.Equal(b.shows(b.updates, owner), cert) {
		t.Error("on trial, the new certificate must be on the update port, and the previous one on the page's")
	}
	b.restart(0)
	if !bytes.Equal(b.shows(b.https, nil), previous) || !bytes.Equal(b.shows(b.updates, owner), previous) {
		t.Error("a trial must not outlive a restart")
	}
	send()
	if status, text := b.ask(put("key.der", key), post("live")); status != 404 {
		t.Errorf("live after another file: got %d %q, want 404", status, text)
	}
	send()
	if err := b.push(); err != nil { // as if the last one had been interrupted here
		t.Error(err)
	}
	if !bytes.Equal(b.shows(b.https, nil), cert) {
		t.Error("the page does not have the new certificate")
	}
	if status, text := b.ask(post("live")); status != 200 {
		t.Errorf("live again: got %d %q", status, text)
	}
}

// TestHalfAnUpdate ends by itself: the board waits for no one.
func TestHalfAnUpdate(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	b.stop()
	replaceIn(t, b.home.Path("project", "updates.py"), "IDLE = 15", "IDLE = 1", "LIMIT = 60", "LIMIT = 3600")
	b.restart(0)
	conn, err := b.visit(b.updates, b.owner())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(put("cert.der", make([]byte, 300))[:100]); err != nil {
		t.Fatal(err)
	}
	b.visitor("127.0.0.1").mustServe("half an update")
	b.log.wait(t, "update ended: it took too long")
	silent, err := net.Dial("tcp", b.updates)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.Write(clientHello(t))
	if _, err := silent.Read(make([]byte, 1)); err != nil { // it is this one's turn
		t.Fatal(err)
	}
	b.visitor("127.0.0.1").mustServe("a client that says nothing")
}

// TestUpdatesFallBack damages the live pair on the flash memory.
func TestUpdatesFallBack(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	previous := b.newest()
	b.renew()
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
	live := b.home.Path("project", "b")
	key := rig.ReadFile(t, live, "key.der")
	for name, data := range map[string][]byte{"nothing": nil, "half": key[:60], "another key": rig.ReadFile(t, b.home.Path("project", "a", "key.der"))} {
		if err := os.WriteFile(filepath.Join(live, "key.der"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		b.restart(0)
		if got := b.shows(b.https, nil); !bytes.Equal(got, previous) {
			t.Errorf("%s: the board does not fall back to the other pair", name)
		}
	}
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
	b.restart(0)
	if got := b.shows(b.https, nil); !bytes.Equal(got, b.newest()) {
		t.Error("an update does not mend it")
	}
}

// TestUpdatesAfterANewRoot: the board gets another update identity with the first
// certificate of the new root, and then refuses the previous one.
func TestUpdatesAfterANewRoot(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	before := b.owner()
	b.home.Run("root", "rotate")
	b.home.Run("renew", "pico.local")
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
	if conn, err := b.visit(b.updates, before); err == nil {
		conn.Close()
		t.Error("the previous update identity is still let in")
	}
	b.home.Run("renew", "pico.local")
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
}

// TestUpdatesWithEverything: a board that also checks its visitors, and sends
// messages, in the memory of a Pico W.
func TestUpdatesWithEverything(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t, "--mutual-tls", "--push", "--contact", "ann@example.org")
	phone := identity(b.home)
	b.log.wait(t, "clock set")
	for range 3 {
		b.renew()
		if err := b.push(); err != nil {
			t.Fatal(err)
		}
		if got := b.shows(b.https, phone); !bytes.Equal(got, b.newest()) {
			t.Fatal("the page does not have the new certificate")
		}
		v := b.visitor("127.0.0.1")
		v.identity = phone
		v.mustServe("an update")
	}
	if conn, err := b.visit(b.updates, phone); err == nil {
		conn.Close()
		t.Error("a phone's identity is let in to update the board")
	}
	if conn, err := b.visit(b.https, b.owner()); err == nil {
		conn.Close()
		t.Error("the update identity is let in to the page")
	}

	// Visitors with an identity of a new root get in once the board has its certificate;
	// until then, the others do, also when the page for phones has the new root.
	b.home.Run("root", "rotate")
	if out := b.home.Run("push", "pico.local"); !strings.Contains(out, "wrote trust.html") || !b.letsIn(phone) {
		t.Errorf("the page with a new root: got %s", out)
	}
	b.renew()
	if err := b.push(); err != nil {
		t.Fatal(err)
	}
	b.home.Run("identity", "tablet", "--out", "tablet-p12", "--p12-passphrase-file", "passphrase")
	b.home.Run("export", "tablet", "--format", "pem", "--out", "tablet-pem")
	tablet, err := tls.LoadX509KeyPair(b.home.Path("tablet-pem", "cert.pem"), b.home.Path("tablet-pem", "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	v := b.visitor("127.0.0.1")
	v.identity = &tablet
	v.mustServe("a new root")
}

// TestUpdatesSetTheClock: a board without internet that knows nothing of today's date
// has it from its owner.
func TestUpdatesSetTheClock(t *testing.T) {
	t.Parallel()
	h, port := rig.NewHome(t), rig.FreePort(t)
	h.Run("issue", "pico.local", "--board-clock") // it began in 2021
	h.Run("example", "pico.local", "--for", "pico-w/micropython", "--mutual-tls", "--updates="+port, "--out", "project")
	hurry(t, h)
	phone := identity(h)
	b := offline(t, h, never)
	if b.letsIn(phone) {
		t.Fatal("let in with the clock in 2021")
	}
	b.log.wait(t, "starts in the future")
	h.Run("push", "pico.local", "--to", "https://127.0.0.1:"+port) // nothing else has changed
	b.log.wait(t, "clock set")
	if !b.letsIn(phone) {
		t.Error("not let in after the owner's computer has set the clock")
	}
	b.stop()
	b = offline(t, h, never)
	if !b.letsIn(phone) {
		t.Error("not let in after a restart")
	}
}

// TestUpdatesToOtherKeys changes the type of the key, each of which has its public
// part elsewhere.
func TestUpdatesToOtherKeys(t *testing.T) {
	t.Parallel()
	b := newUpdatesBoard(t)
	for _, key := range []string{"rsa-2048", "p384", "p256"} {
		b.home.Run("renew", "pico.local", "--key", key, "--force")
		if err := b.push(); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if got := b.shows(b.https, nil); !bytes.Equal(got, b.newest()) {
			t.Errorf("%s: the page does not have the new certificate", key)
		}
	}
}
