package clients

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// A broker is a running mosquitto that asks for identities.
type broker struct {
	port string
	log  <-chan string
}

// watcher is the identity that may read all topics.
const watcher = "Kitchen tablet"

// newBroker installs and runs a broker.
func newBroker(t *testing.T, h rig.Home, name string, flags ...string) broker {
	t.Helper()
	return startBroker(t, installBroker(t, h, name, flags...), rig.FreePort(t))
}

// installBroker puts the certificate that issue writes for mosquitto and the
// configuration that example writes where the printed commands put them, but in a
// folder of the test's instead of /etc, which it returns.
func installBroker(t *testing.T, h rig.Home, name string, flags ...string) string {
	t.Helper()
	rig.Need(t, "mosquitto", "mosquitto")
	etc := publicDir(t)
	if _, err := h.Try("show", "Any board"); err != nil {
		h.Run("identity", "Any board", "--for", "pico-w/micropython", "--out", "any-board")
	}
	out := h.Run(append([]string{"issue", name, "--for", "mosquitto", "--out", filepath.Base(etc)}, flags...)...)
	out += h.Run("example", "Any board", "--mqtt", name, "--out", filepath.Base(etc)+"-project")
	install(t, h, etc, out)
	acl := filepath.Join(etc, "mosquitto", "picoca.acl")
	allowed := strings.NewReplacer("#user "+watcher, "user "+watcher, "#topic read", "topic read").Replace(string(rig.ReadFile(t, acl)))
	if err := os.WriteFile(acl, []byte(allowed), 0o600); err != nil {
		t.Fatal(err)
	}
	return etc
}

// startBroker runs the broker that is installed below etc, and returns once it
// listens.
func startBroker(t *testing.T, etc, port string) broker {
	t.Helper()
	b := broker{port, runBroker(t, etc, port)}
	rig.WaitFor(t, b.log, " running")
	return b
}

func runBroker(t *testing.T, etc, port string) <-chan string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	account := me.Username
	if me.Uid == "0" {
		account = "mosquitto" // that it is when Debian starts it
	}
	conf := filepath.Join(etc, "mosquitto", "conf.d", "picoca.conf")
	text := strings.NewReplacer("/etc/", etc+"/", "listener 8883", "listener "+port+" 127.0.0.1").Replace(string(rig.ReadFile(t, conf)))
	running := filepath.Join(etc, "broker.conf")
	rig.WriteFile(t, running, text+"user "+account+"\nlog_type all\n")
	return rig.Start(t, "mosquitto", "mosquitto", "-c", running)
}

var (
	installs = regexp.MustCompile(`(?m)sudo (install .*)$`)
	owners   = regexp.MustCompile(` -[og] \S+`)
)

// install runs each "sudo install" of what picoca printed, with a folder in the
// place of /etc. Only root can give files to another user.
func install(t *testing.T, h rig.Home, etc, printed string) {
	t.Helper()
	commands := installs.FindAllStringSubmatch(printed, -1)
	if len(commands) < 3 {
		t.Fatalf("%d commands install files:\n%s", len(commands), printed)
	}
	for _, match := range commands {
		command := strings.ReplaceAll(match[1], " /etc/", " -D "+etc+"/")
		if os.Geteuid() != 0 {
			command = owners.ReplaceAllString(command, "")
		}
		if out, err := rig.Outside(t, "dash", "sh", "-c", "cd '"+h.Dir+"' && "+command); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
}

// publicDir returns a new folder that other users can enter.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "picoca-broker-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// identity issues an identity for a device, and returns the folder of its files.
func identity(h rig.Home, name, device string, flags ...string) string {
	h.T.Helper()
	h.Run(append([]string{"identity", name, "--for", device, "--out", folderOf(name, device)}, flags...)...)
	return h.Path(folderOf(name, device))
}

// folderOf names the folder of what an identity has; the Arduino IDE would open it.
func folderOf(name, what string) string {
	return strings.NewReplacer("/", "-", " ", "-", "@", "-").Replace(name + "-" + what)
}

// mosquitto runs one of mosquitto's clients as the holder of an identity in a
// folder, "" for none, who trusts the root there or in another folder.
func (b broker) mosquitto(t *testing.T, tool, folder, root string, args ...string) (string, error) {
	t.Helper()
	return rig.Outside(t, "mosquitto-clients", tool, b.clientArgs(folder, root, args)...)
}

func (b broker) clientArgs(folder, root string, args []string) []string {
	all := []string{"-h", "localhost", "-p", b.port, "--cafile", filepath.Join(root, "picoca-root.pem")}
	if folder != "" {
		all = append(all, "--cert", filepath.Join(folder, "cert.pem"), "--key", filepath.Join(folder, "key.pem"))
	}
	return append(all, args...)
}

// watch subscribes to all topics, and returns the messages as they come.
func (b broker) watch(t *testing.T, h rig.Home) <-chan string {
	t.Helper()
	folder := h.Path("watcher")
	if _, err := os.Stat(folder); err != nil {
		h.Run("identity", watcher, "--for", "mosquitto", "--out", "watcher")
	}
	// The broker's certificate names broker.local, which no DNS knows here; --insecure only leaves out that comparison.
	lines := rig.Start(t, "mosquitto-clients", "mosquitto_sub", b.clientArgs(folder, folder, []string{"--insecure", "-t", "home/#", "-F", "%t %p"})...)
	rig.WaitFor(t, b.log, "SUBACK")
	return lines
}
