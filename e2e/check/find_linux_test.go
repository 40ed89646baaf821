package check

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// ill is one way in which a server can be wrong, and what find says of it.
type ill struct {
	name  string
	ids   []string
	fix   string // part of the first finding's
	serve func(k kit) func(net.Conn)
}

// kit is what servers are made of.
type kit struct {
	t     *testing.T
	home  string
	root  testpki.Pair
	names string
	now   time.Time
}

// ills are the fifteen ways to be wrong, and one to be right.
var ills = []ill{
	{"good", nil, "", stored("good.local")},
	{"outdated", []string{"outdated"}, "push old.local", stored("kept")},
	{"revoked", []string{"revoked"}, "issue revoked.local", stored("revoked.local")},
	{"expired", []string{"unknown-certificate", "expired"}, "issue", signed(func(c *x509.Certificate, now time.Time) { c.NotAfter = now.Add(-time.Hour) })},
	{"future", []string{"unknown-certificate", "not-yet-valid"}, "issue", signed(func(c *x509.Certificate, now time.Time) { c.NotBefore = now.Add(48 * time.Hour) })},
	{"identity", []string{"unknown-certificate", "not-for-servers", "client-auth"}, "issue", signed(func(c *x509.Certificate, _ time.Time) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
	{"long", []string{"unknown-certificate", "too-long"}, "issue", signed(func(c *x509.Certificate, now time.Time) { c.NotAfter = now.Add(900 * 24 * time.Hour) })},
	{"outside", []string{"unknown-certificate", "outside"}, "issue", signed(func(c *x509.Certificate, _ time.Time) { c.DNSNames = append(c.DNSNames, "bank.example.com") })},
	{"foreign", []string{"foreign-ca"}, "issue", func(k kit) func(net.Conn) {
		pair := testpki.Home(k.t, k.now).Server(k.t, k.now, k.names)
		return serveCert(pair.TLS(), nil)
	}},
	{"self", []string{"self-signed"}, "issue", func(k kit) func(net.Conn) {
		return serveCert(testpki.SelfSigned(k.t, leaf(k.names, k.now, nil), testpki.Key(k.t, ca.P256)).TLS(), nil)
	}},
	{"swapped", []string{"wrong-key", "outdated"}, "push old.local", func(k kit) func(net.Conn) {
		cert := k.load("kept")
		cert.PrivateKey = testpki.Key(k.t, ca.P256)
		return serveCert(cert, nil)
	}},
	{"ancient", []string{"old-tls"}, "update", func(k kit) func(net.Conn) {
		return serveCert(k.load("good.local"), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 })
	}},
	{"plain", []string{"plain-http"}, "serve TLS", says("HTTP/1.1 400 Bad Request\r\n\r\n")},
	{"ssh", []string{"not-tls"}, "check the port", says("SSH-2.0-dropbear\r\n")},
	{"shy", []string{"reset"}, "docs/", says("")},
}

func stored(folder string) func(kit) func(net.Conn) {
	return func(k kit) func(net.Conn) { return serveCert(k.load(folder), nil) }
}

func signed(change func(*x509.Certificate, time.Time)) func(kit) func(net.Conn) {
	return func(k kit) func(net.Conn) {
		c := leaf(k.names, k.now, nil)
		change(c, k.now)
		return serveCert(k.root.Sign(k.t, c, testpki.Key(k.t, ca.P256)).TLS(), nil)
	}
}

func (k kit) load(folder string) tls.Certificate {
	cert, err := tls.LoadX509KeyPair(filepath.Join(k.home, folder, "cert.pem"), filepath.Join(k.home, folder, "key.pem"))
	if err != nil {
		k.t.Fatal(err)
	}
	return cert
}

func serveCert(cert tls.Certificate, change func(*tls.Config)) func(net.Conn) {
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(config)
	}
	return func(conn net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(conn, config)) }
}

func says(text string) func(kit) func(net.Conn) {
	return func(kit) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 2000))
			_, _ = io.WriteString(conn, text)
		}
	}
}

// homeServer is one of the thirty: each ill twice, at HTTPS and at MQTT.
type homeServer struct {
	ill
	addr, host string
	port       int
}

func homeServers() []homeServer {
	var all []homeServer
	for i, ill := range ills {
		for j, port := range []int{443, 8883} {
			all = append(all, homeServer{ill, fmt.Sprintf("192.168.77.%d", 10+2*i+j), fmt.Sprintf("%s-%d.local", ill.name, port), port})
		}
	}
	return all
}

// TestFindInAHomeOfThirtyServers: each is found, by its announcement or as a
// neighbour, under its name, with its own fault and fix.
func TestFindInAHomeOfThirtyServers(t *testing.T) {
	if os.Getenv(insideHome) == "" {
		again(t)
		return
	}
	h := rig.NewHome(t)
	for _, name := range []string{"good.local", "old.local", "revoked.local"} {
		h.Issue(name, "--for", "nginx")
	}
	if err := os.CopyFS(h.Path("kept"), os.DirFS(h.Path("old.local"))); err != nil {
		t.Fatal(err)
	}
	h.Issue("old.local")
	h.Run("revoke", "revoked.local")
	startHome(t, h)
	found := findAll(t, h)
	if i := slices.IndexFunc(found.Servers, func(r report) bool { return r.Address == elsewhere }); i >= 0 {
		t.Errorf("got %+v, which is in another network", found.Servers[i])
	}
	if found.Cut || len(found.Servers) != 30 {
		t.Errorf("got %d servers at %d places, cut %v", len(found.Servers), found.Places, found.Cut)
	}
	for _, s := range homeServers() {
		i := slices.IndexFunc(found.Servers, func(r report) bool { return r.Address == s.addr })
		if i < 0 {
			t.Errorf("%s (%s) was not found", s.host, s.addr)
			continue
		}
		r := found.Servers[i]
		if r.Name != s.host || r.Port != s.port {
			t.Errorf("%s: got %s:%d", s.host, r.Name, r.Port)
		}
		want(t, r, s.ids...)
		if len(r.Findings) > 0 && !strings.Contains(problem(r), s.fix) {
			t.Errorf("%s: fix: got %q, want %q in it", s.host, problem(r), s.fix)
		}
	}
	table, err := h.Try("check", "--find")
	if got := strings.Count(table, "\n"); got < 20 || err == nil || !strings.Contains(err.Error(), "have a problem") {
		t.Errorf("got %d lines, %v\n%s", got, err, table)
	}
}

// elsewhere is an address of another network, which a device of the home announces,
// and to which the computer has a route.
const elsewhere = "10.99.0.1"

func stray() homeServer {
	good := ills[0]
	good.name = "elsewhere"
	return homeServer{good, elsewhere, "elsewhere.local", 443}
}

// search is what check --find --json prints.
type search struct {
	Places  int
	Cut     bool
	Servers []report
}

// findAll searches until every server is found: on a busy machine some answers
// come too late.
func findAll(t *testing.T, h rig.Home) (found search) {
	t.Helper()
	for range 5 {
		out, err := h.Try("check", "--find", "--json")
		found = search{}
		if jsonErr := json.Unmarshal([]byte(out), &found); err == nil || jsonErr != nil {
			t.Fatalf("got %v, %v\n%s", err, jsonErr, out)
		}
		if len(found.Servers) == 30 {
			break
		}
	}
	return found
}

// problem is the fix of the first problem.
func problem(r report) string {
	for _, f := range r.Findings {
		if f.Level == "problem" {
			return f.Fix
		}
	}
	return ""
}

// again runs this test in a network, and a file system, of its own.
func again(t *testing.T) {
	t.Helper()
	for _, tool := range [][2]string{{"ip", "iproute2"}, {"avahi-daemon", "avahi-daemon"}} {
		rig.Need(t, tool[0], tool[1])
	}
	args := []string{"--net", "--mount", "--propagation", "private"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	cmd := exec.CommandContext(t.Context(), rig.Need(t, "unshare", "util-linux"), args...)
	cmd.Env = append(os.Environ(), insideHome+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// startHome starts the servers in a network of their own, and joins it to this
// one. Half of them this computer has spoken to; the others announce
// themselves.
func startHome(t *testing.T, h rig.Home) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// It ends with its input, and must: it has a program of its own to end.
	servers := exec.Command("unshare", "--net", exe, "-test.run=^TestBeTheHome$")
	servers.Env = append(os.Environ(), servesHome+"="+h.Dir)
	servers.Stderr = os.Stderr
	stdin, err := servers.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := servers.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // which ends it
		servers.Wait()
	})
	said := bufio.NewScanner(stdout)
	expectLine(t, said, "here")
	for _, line := range []string{
		"link set lo up", "link add picoca type veth peer name home", fmt.Sprintf("link set home netns %d", servers.Process.Pid),
		"addr add 192.168.77.2/24 dev picoca", "link set picoca up", "route add " + elsewhere + " dev picoca",
	} {
		ip(t, line)
	}
	fmt.Fprintln(stdin, "cable")
	expectLine(t, said, "ready")
	for i, s := range homeServers() {
		if i%2 == 0 {
			speakTo(t, s.addr)
		}
	}
}

func expectLine(t *testing.T, said *bufio.Scanner, want string) {
	t.Helper()
	if !said.Scan() || said.Text() != want {
		t.Fatalf("the home said %q, want %q", said.Text(), want)
	}
}

func ip(t testing.TB, line string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", line, err, out)
	}
}

// speakTo makes an address a neighbour.
func speakTo(t *testing.T, addr string) {
	t.Helper()
	if conn, err := net.Dial("tcp", addr+":9"); err == nil {
		conn.Close()
		t.Errorf("something listens at %s, port 9", addr)
	}
}

// TestBeTheHome is the other part of the home, in a process of its own: it runs
// until its input ends.
func TestBeTheHome(t *testing.T) {
	home := os.Getenv(servesHome)
	if home == "" {
		t.Skip("it is a part of TestFindInAHomeOfThirtyServers, which starts it")
	}
	said := bufio.NewScanner(os.Stdin)
	fmt.Println("here")
	expectLine(t, said, "cable")
	root := rootOf(t, rig.Home{T: t, Dir: home})
	for _, line := range []string{"link set lo up", "link set home up"} {
		ip(t, line)
	}
	for _, s := range append(homeServers(), stray()) { // the last, so that none speaks from its address
		ip(t, "addr add "+s.addr+"/24 dev home")
		k := kit{t, home, root, s.host, time.Now()}
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", s.addr, s.port))
		if err != nil {
			t.Fatal(err)
		}
		go accept(l, s.serve(k))
	}
	announce(t)
	fmt.Println("ready")
	for said.Scan() {
	}
}

func accept(l net.Listener, serve func(net.Conn)) {
	for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
		go func() {
			defer conn.Close()
			serve(conn)
		}()
	}
}

// announce runs avahi-daemon, which knows the names of all servers, and announces
// every second one.
func announce(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"/etc/avahi", "/run"} {
		if out, err := exec.Command("mount", "-t", "tmpfs", "tmpfs", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	types := []string{"https", "secure-mqtt", "mqtt", "http", "ipps"}
	var hosts strings.Builder
	files := map[string]string{"avahi-daemon.conf": "[server]\nhost-name=home\nuse-ipv6=no\nenable-dbus=no\ndisallow-other-stacks=no\nratelimit-interval-usec=0\n[publish]\npublish-addresses=no\n"}
	for i, s := range append(homeServers(), stray()) {
		fmt.Fprintf(&hosts, "%s %s\n", s.addr, s.host)
		if i%2 == 1 || s.addr == elsewhere {
			files["services/"+s.host+".service"] = fmt.Sprintf(`<?xml version="1.0"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>%s</name><service><type>_%s._tcp</type><host-name>%s</host-name><port>%d</port></service></service-group>`, s.name, types[i/2%len(types)], s.host, s.port)
		}
	}
	files["hosts"] = hosts.String()
	for _, dir := range []string{"/etc/avahi/services", "/run/avahi-daemon"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join("/etc/avahi", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	avahi := exec.CommandContext(t.Context(), rig.Need(t, "avahi-daemon", "avahi-daemon"), "--no-drop-root", "--no-chroot", "--no-rlimits", "--no-proc-title")
	avahi.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	errs, err := avahi.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := avahi.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { avahi.Wait() })
	established := 0
	for log := bufio.NewScanner(errs); log.Scan(); {
		if strings.Contains(log.Text(), "successfully established") {
			if established++; established == 31+16 { // names and announcements
				go io.Copy(io.Discard, errs)
				return
			}
		}
	}
	t.Fatal("avahi-daemon ended")
}
