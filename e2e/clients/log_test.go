package clients

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A logRow is a line of the document's table: what the broker logs, and the
// clients that bring it about.
type logRow struct {
	text string
	seen []logTry
}

type logTry struct {
	with string
	try  func(l *logLab)
}

var (
	circuitPython, microPython = benchClients[0], benchClients[1]
	bearSSL                    = "Arduino-Pico, ESP8266"
)

var logRows = []logRow{
	{"tlsv1 alert unknown ca", []logTry{
		{"mosquitto_pub", func(l *logLab) { l.publish("", l.theirs("mosquitto"), "--insecure") }},
		{"CircuitPython", func(l *logLab) { l.bench(circuitPython, l.mine, l.theirs, "broker.local") }},
		{"MicroPython", func(l *logLab) { l.bench(microPython, l.mine, l.theirs, "broker.local") }},
		{"ESP32 Arduino", func(l *logLab) { l.sketch("esp32/arduino", l.foreign, "ended: -9984") }},
	}},
	{"sslv3 alert bad certificate", []logTry{
		{"CircuitPython", func(l *logLab) { l.bench(circuitPython, l.mine, l.mine, "other.local") }},
		{"MicroPython", func(l *logLab) { l.bench(microPython, l.mine, l.mine, "other.local") }},
		{"ESP32 Arduino", func(l *logLab) { l.renamed().sketch("esp32/arduino", l.home, "ended: -9984") }},
	}},
	{"sslv3 alert certificate unknown", []logTry{
		{"MicroPython", func(l *logLab) { l.bench(microPython, l.mine, l.mine, "broker.local", rig.PicoBoot) }},
	}},
	{"tlsv1 alert internal error", []logTry{
		{"mosquitto_pub", func(l *logLab) { l.publish(l.mine("mosquitto"), l.mine("mosquitto")) }},
	}},
	{"Client <unknown> disconnected: Protocol error.", []logTry{
		{bearSSL, func(l *logLab) { l.renamed().sketch("pico-w/arduino", l.home, "ended: 56") }},
		{bearSSL, func(l *logLab) { l.sketch("pico-w/arduino", l.home, "ended: 54", "CLOCK=1970") }},
		{bearSSL, func(l *logLab) { l.sketch("pico-w/arduino", l.foreign, "ended: 62") }},
	}},
	{"no shared cipher", []logTry{
		{"Tasmota's cipher suite", func(l *logLab) { l.refuse(newTasmota(l.T, l.home, "Plug 3").connect(l.T, l.start(), "broker.local")) }},
	}},
	{"peer did not return a certificate", []logTry{
		{"mosquitto_pub", func(l *logLab) { l.publish("", l.mine("mosquitto"), "--insecure") }},
		{"CircuitPython", func(l *logLab) { l.bench(circuitPython, nil, l.mine, "broker.local") }},
		{"MicroPython", func(l *logLab) { l.bench(microPython, nil, l.mine, "broker.local") }},
	}},
	{"certificate verify failed", []logTry{
		{"mosquitto_pub", func(l *logLab) { l.publish(l.theirs("mosquitto"), l.mine("mosquitto"), "--insecure") }},
		{"mosquitto_pub", func(l *logLab) { l.publish(l.device(), l.mine("mosquitto"), "--insecure") }},
		{"mosquitto_pub", func(l *logLab) { l.publish(l.revoked(), l.mine("mosquitto"), "--insecure") }},
	}},
	{"wrong version number", []logTry{{"plain MQTT", (*logLab).plain}}},
	{"Unable to load server key file", []logTry{{"at the start", (*logLab).unreadable}}},
}

// A logLab is for one try: a broker that is installed but does not run yet, and
// what its clients load.
type logLab struct {
	*testing.T
	home, foreign rig.Home
	etc, other    string // of brokers for broker.local and other.local
	log           <-chan string
	parser        string // that parses texts as the ESP32 core does
}

// TestBrokerLogs brings each line about.
func TestBrokerLogs(t *testing.T) {
	t.Parallel()
	home, foreign := rig.NewHome(t), rig.NewHome(t)
	etc, other := installBroker(t, home, "broker.local"), installBroker(t, home, "other.local")
	installBroker(t, foreign, "broker.local")
	for _, row := range logRows {
		for _, one := range row.seen {
			t.Run(row.text+"/"+one.with, func(t *testing.T) {
				l := &logLab{T: t, home: rig.Home{T: t, Dir: home.Dir}, foreign: rig.Home{T: t, Dir: foreign.Dir}, etc: etc, other: other}
				one.try(l)
				before := rig.WaitFor(t, l.log, row.text)
				if row.text == "Client <unknown> disconnected: Protocol error." && slices.ContainsFunc(before, isReason) {
					t.Errorf("the broker gives a reason:\n%s", strings.Join(before, "\n"))
				}
			})
		}
	}
}

func isReason(line string) bool { return strings.Contains(line, "OpenSSL Error") }

// TestBrokerLogIsTheDocuments compares the rows with the document's table.
func TestBrokerLogIsTheDocuments(t *testing.T) {
	listed := section(t, "What mosquitto logs")
	if len(listed) != len(logRows) {
		t.Fatalf("%d rows in the document, %d here", len(listed), len(logRows))
	}
	for i, row := range logRows {
		var with []string
		for _, one := range row.seen {
			with = append(with, one.with)
		}
		if seen := strings.Join(slices.Compact(with), ", "); !strings.HasPrefix(listed[i][0], "`"+row.text) || listed[i][2] != seen {
			t.Errorf("row %d is %q, seen with %q; want %q, %q", i+1, listed[i][0], listed[i][2], row.text, seen)
		}
	}
}

// start starts the broker.
func (l *logLab) start() broker {
	l.Helper()
	b := startBroker(l.T, l.etc, rig.FreePort(l))
	l.log = b.log
	return b
}

// renamed is the lab with the broker whose certificate has another name.
func (l *logLab) renamed() *logLab {
	l.etc = l.other
	return l
}

// mine returns the folder of an identity for a device; theirs the same of another
// CA.
func (l *logLab) mine(device string) string   { return l.identity(l.home, device) }
func (l *logLab) theirs(device string) string { return l.identity(l.foreign, device) }

func (l *logLab) identity(h rig.Home, device string) string {
	l.Helper()
	name := "For " + strings.NewReplacer("/", " ", "@", " ").Replace(device)
	if _, err := h.Try("show", name); err != nil {
		identity(h, name, device)
	}
	return h.Path(folderOf(name, device))
}

// refuse wants a client to have failed.
func (l *logLab) refuse(out string, err error) {
	l.Helper()
	if err == nil {
		l.Errorf("the client is let in: %s", out)
	}
	l.Logf("the client says: %s", out)
}

func (l *logLab) publish(folder, root string, flags ...string) {
	l.Helper()
	l.refuse(l.start().mosquitto(l.T, "mosquitto_pub", folder, root, append(flags, "-t", "home/test", "-m", "hello")...))
}

// bench has a TLS of the bench connect, with an identity unless own is nil, and the
// root of somebody.
func (l *logLab) bench(c benchClient, own, root func(device string) string, host string, env ...string) {
	l.Helper()
	folder := ""
	if own != nil {
		folder = own(c.device)
	}
	if got := c.connect(l.T, l.start(), folder, root(c.device), host, env...); got.Answered {
		l.Errorf("the board is let in: %+v", got)
	}
}

// sketch runs a sketch with an identity of a CA, until it says why it failed.
func (l *logLab) sketch(device string, h rig.Home, says string, env ...string) {
	l.Helper()
	name := "Sketch " + strings.ReplaceAll(device, "/", " ")
	if _, err := h.Try("show", name); err != nil {
		project(h, name, device)
	}
	b := l.start()
	rig.WaitFor(l, runSketch(l.T, h.Path(folderOf(name, "project")), b.port, env...), says)
}

// device returns the folder of a device's certificate, which is no identity.
func (l *logLab) device() string {
	l.home.Run("issue", "shed.local", "--for", "mosquitto", "--out", "shed")
	return l.home.Path("shed")
}

// revoked returns the folder of an identity that the broker knows to be revoked.
func (l *logLab) revoked() string {
	l.Helper()
	lost := identity(l.home, "Lost phone", "mosquitto")
	l.home.Run("revoke", "Lost phone")
	l.changed(func(etc string) {
		l.home.Run("export", "crl", "--out", filepath.Join(etc, "mosquitto", "certs", "picoca-crl.pem"))
		conf := filepath.Join(etc, "mosquitto", "conf.d", "picoca.conf")
		rig.WriteFile(l, conf, strings.ReplaceAll(string(rig.ReadFile(l, conf)), "#crlfile", "crlfile"))
	})
	return lost
}

// changed gives the lab a copy of what is installed, changed.
func (l *logLab) changed(change func(etc string)) {
	l.Helper()
	etc := publicDir(l.T)
	if out, err := rig.Outside(l, "coreutils", "cp", "-a", l.etc+"/.", etc); err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
	change(etc)
	l.etc = etc
}

// plain speaks MQTT without TLS.
func (l *logLab) plain() {
	conn, err := net.Dial("tcp", "127.0.0.1:"+l.start().port)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test")); err != nil {
		l.Fatal(err)
	}
}

// unreadable starts the broker with a key that is not for its user's eyes.
func (l *logLab) unreadable() {
	l.changed(func(etc string) {
		key := filepath.Join(etc, "mosquitto", "certs", "key.pem")
		mode := os.FileMode(0)
		if os.Geteuid() == 0 {
			mode = 0o400 // root's, as a copy without install -o makes it
			if err := os.Chown(key, 0, 0); err != nil {
				l.Fatal(err)
			}
		}
		if err := os.Chmod(key, mode); err != nil {
			l.Fatal(err)
		}
	})
	l.log = runBroker(l.T, l.etc, rig.FreePort(l))
}
