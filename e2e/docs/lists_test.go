//go:build linux

package docs

import (
	"strings"
	"testing"
)

// fixture is what the user of a page has before a block. Its script is bash, and
// runs as the page's commands do.
type fixture struct {
	page   string
	before string // how the block begins
	fresh  bool   // in an empty folder and home: the page begins again
	secret bool   // a new CA gets a passphrase
	script string
}

// exception is a command that is not run as it stands.
type exception struct {
	page    string // all pages if empty
	command string // the first words of its line
	but     string // a flag with which it is run all the same
	reason  string
	fails   bool // it is run, and its exit code is not 0, which the page expects
	differs bool // it is run, and prints something else here
}

// aCA makes the CA that a page takes for granted.
const aCA = "picoca init\n"

// board serves pico.local's files at the board's address, until the tests end or
// another one does.
const board = `[ ! -f /srv/board ] || kill $(cat /srv/board)
setsid openssl s_server -cert pico.local/cert.der -certform DER -key pico.local/key.der -keyform DER -www -accept 192.168.1.42:443 </dev/null >/dev/null 2>&1 &
echo $! >/srv/board
for i in {1..3000}; do (: </dev/tcp/192.168.1.42/443) 2>/dev/null && break; sleep 0.1; done
`

// typed turns the page of a printed root, $1, into the lines that the user types.
const typed = `typed() { sed 's/<[^>]*>//g' "$1" | grep -E '^[CHK][0-9]+'; }
`

// request is what a printer asks for.
const request = `cat >request.cnf <<END
[req]
prompt = no
distinguished_name = name
req_extensions = more
attributes = also
[name]
O = ACME
CN = printer.local
[more]
keyUsage = digitalSignature
[also]
challengePassword = secret
END
`

var fixtures = []fixture{
	{page: "README.md", before: "$ picoca init", fresh: true, secret: true},
	{page: "docs/board.md", before: "picoca issue pico.local", script: aCA},
	{page: "docs/board.md", before: "$ picoca example pico.local --updates", fresh: true, script: aCA + "picoca issue pico.local"},
	{page: "docs/board.md", before: "picoca export ca", script: board},
	{page: "docs/check.md", before: "$ picoca doctor", script: aCA},
	{page: "docs/growth.md", before: "$ mkdir -p -m 700 ~/.ssh", script: `echo 'export SSH_AUTH_SOCK=$HOME/agent' >~/.before && setsid ssh-agent -a ~/agent >/dev/null`},
	{page: "docs/growth.md", before: "$ picoca issue --ca", script: `openssl req -new -newkey rsa:2048 -nodes -keyout opnsense.key -subj '/CN=OPNsense CA' -out opnsense.csr`},
	{page: "docs/growth.md", before: "$ printf '[ca]", script: "cp ~/step-ca/* ."},
	{page: "docs/identities.md", before: `$ picoca identity "Kitchen tablet"`, script: aCA + "picoca issue broker.local --for mosquitto"},
	{page: "docs/keep.md", before: "picoca backup /media/usb", script: aCA + "picoca issue pico.local; rm -rf /media/usb; mkdir /media/usb"},
	{page: "docs/keep.md", before: "picoca restore /media/usb", script: "rm -r ~/.local/share/picoca"},
	{page: "docs/keep.md", before: "mkdir -m 700", script: "rm -r ~/.local/share/picoca; cp /media/usb/picoca.age ."},
	{page: "docs/keep.md", before: "picoca restore --paper", script: typed + "rm -r ~/.local/share/picoca pico.local; typed root.html >sheet.txt"},
	{page: "docs/many.md", before: "picoca issue --from", script: aCA + "cp previous devices.csv"},
	{page: "docs/phone.md", before: "$ picoca phone --sheet", script: aCA + "picoca issue pico.local; picoca example pico.local"},
	{page: "docs/push.md", before: "$ picoca issue", script: aCA},
	{page: "docs/renew.md", before: "$ picoca list", script: aCA + "picoca issue broker.local --for mosquitto; picoca issue pico.local"},
	{page: "docs/roots.md", before: "$ picoca root rotate\n", script: aCA},
	{page: "docs/roots.md", before: "$ picoca init --spare", fresh: true},
	{page: "docs/roots.md", before: "$ picoca root rotate --from-spare", script: typed + "typed spare.html >lines.txt"},
	{page: "docs/servers.md", before: "picoca issue web.local", script: aCA},
	{page: "docs/servers.md", before: "$ picoca issue printer.local --csr", fresh: true, script: aCA + request + `openssl req -new -newkey rsa:2048 -nodes -keyout printer.key -config request.cnf -out printer.csr`},
	{page: "docs/troubleshooting.md", before: "openssl x509", script: `openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -subj /CN=x -out cert.pem`},
}

func (f fixture) isFor(p page, b block) bool {
	return f.page == p.name && strings.HasPrefix(strings.Join(b.lines, "\n"), f.before)
}

const (
	followed  = "is run where its page has it: "
	internet  = "needs the internet"
	theTests  = "is what runs these tests, or a part of it"
	aPhone    = "serves until a phone has been there: e2e/phone"
	aBoard    = "needs a board or a server: e2e/push"
	aServer   = "needs devices in the network: e2e/check"
	theSystem = "changes the system's and browsers' stores: e2e/trust"
	systemd   = "needs the user's systemd; its files are read by systemd-analyze: e2e/years"
)

var exceptions = []exception{
	{page: "README.md", command: "git clone", reason: internet},
	{page: "README.md", command: "make", reason: theTests},
	{page: "README.md", command: "sudo make", reason: theTests},
	{page: "docs/keep.md", command: "grep ^K", reason: "base32 complains of its padding, when all is decoded", fails: true},
	{page: "docs/performance.md", command: "make", reason: theTests},
	{page: "docs/shell.md", command: "make man", reason: theTests + ": e2e/shells"},
	{page: "docs/shell.md", command: "sudo install", reason: theTests + ": e2e/shells"},
	{command: "picoca phone", but: "--sheet", reason: aPhone},
	{command: "picoca push", reason: aBoard},
	{command: "picoca check", reason: aServer},
	{command: "picoca trust", reason: theSystem},
	{page: "docs/check.md", command: "picoca doctor", reason: "shows what is wrong with another CA: testdata/script/doctor.txtar", differs: true},
	{command: "picoca renew nas.local --push", reason: aBoard},
	{page: "docs/board.md", command: "picoca renew pico.local --push", reason: aBoard},
	{command: "picoca init --key-in agent", reason: "needs an agent: the session in docs/growth.md has one"},
	{page: "docs/roots.md", command: "picoca root retire", reason: "needs a root that was replaced: testdata/script/root.txtar"},
	{command: "picoca export ca --root 7Q3F", reason: "is for another CA's root: testdata/script/root.txtar"},
	{command: "picoca export expiry --format prometheus --out /var/lib/prometheus/node-exporter/picoca.prom", reason: "needs a folder of Prometheus: e2e/years"},
	{page: "docs/scripts.md", command: "picoca issue pico.local --passphrase-file <(secret-tool", reason: "needs a keyring"},
	{page: "docs/shell.md", command: "picoca completion zsh", reason: "is for zsh: e2e/shells"},
	{page: "docs/shell.md", command: "mkdir -p ~/.zfunc", reason: "is for zsh: e2e/shells"},
	{page: "docs/automation.md", command: "systemctl", reason: systemd},
	{page: "docs/automation.md", command: "journalctl", reason: systemd},
	{page: "docs/automation.md", command: "sudo loginctl", reason: systemd},
	{page: "docs/board.md", command: "mosquitto_sub", reason: "needs the broker: e2e/clients"},
	{page: "docs/growth.md", command: "step-ca", reason: "is not in Debian, and serves: e2e/growth"},
	{page: "docs/growth.md", command: "sudo caddy run", reason: "serves: e2e/growth"},
	{page: "docs/growth.md", command: "curl", reason: "needs a server of the other CA: e2e/growth"},
	{page: "docs/phone.md", command: "sudo", reason: theSystem},
	{page: "docs/phone.md", command: "echo", reason: theSystem},
	{page: "docs/renew.md", command: "picoca list", reason: "nothing is due in a new CA: testdata/script/renew.txtar", differs: true},
	{page: "docs/scripts.md", command: "picoca issue bad..name", reason: "shows an error", fails: true},
	{page: "docs/servers.md", command: "sudo install -o mosquitto", reason: "needs root, and the user mosquitto: e2e/devices"},
	{page: "picoca help phones", command: "picoca phone --sheet", reason: followed + "docs/phone.md"},
	{page: "picoca help keep", command: "picoca backup /media/usb/picoca.age", reason: followed + "docs/keep.md"},
	{page: "picoca help keep", command: "picoca restore --paper", reason: followed + "docs/keep.md"},
	{page: "picoca help roots", command: "picoca root retire", reason: "needs a root that was replaced: testdata/script/root.txtar"},
	{page: "picoca help roots", command: "picoca root rotate --from-spare", reason: followed + "docs/roots.md"},
	{page: "docs/systems.md", command: "picoca list | more", reason: "waits for a key"},
	{page: "docs/troubleshooting.md", command: "openssl ec", reason: "is for another key than the line above"},
}

func (e exception) isFor(page, line string) bool {
	return (e.page == "" || e.page == page) && strings.HasPrefix(line+" ", e.command+" ") && (e.but == "" || !strings.Contains(line, e.but))
}

// exceptionFor returns what a line is in the list for, nil if it is not.
func exceptionFor(page, line string) *exception {
	for i := range exceptions {
		if e := &exceptions[i]; e.isFor(page, line) {
			return e
		}
	}
	return nil
}

// usesOfExceptions says of each whether a command needs it.
func usesOfExceptions(all []page) []bool {
	uses := make([]bool, len(exceptions))
	for _, p := range all {
		for _, line := range append(p.commandLines(), p.inline()...) {
			for i, e := range exceptions {
				if e.isFor(p.name, line) {
					uses[i] = true
				}
			}
		}
	}
	return uses
}

// TestListsAreUsed: a row for nothing would hide a mistake one day.
func TestListsAreUsed(t *testing.T) {
	all := append(pages(t), guides()...)
	for _, f := range fixtures {
		found := 0
		for _, p := range all {
			for _, b := range p.blocks {
				if f.isFor(p, b) {
					found++
				}
			}
		}
		if found != 1 {
			t.Errorf("fixture of %s before %q: got %d blocks, want one", f.page, f.before, found)
		}
	}
	for i, found := range usesOfExceptions(all) {
		if !found {
			t.Errorf("exception of %s %q: no page has such a command", exceptions[i].page, exceptions[i].command)
		}
	}
}

// newCA has a new CA, and the files that the pages' commands read.
const newCA = aCA + request + `csr() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "/CN=$1" -out "$2" 2>/dev/null; }
csr printer.local printer.csr; csr printer.local new.csr; csr nas.local nas.csr; csr OPNsense opnsense.csr; csr 'Front door' door.csr
echo pico.local >devices.csv
picoca export crl --out old.pem
mkdir -p ~/.config/fish/completions
`

// fullCA has a certificate of each name that they renew, export or show.
const fullCA = `picoca issue pico.local
picoca issue nas.local --for computer
picoca issue mail.local --for computer
picoca issue media.local --for computer
picoca issue broker.local --for mosquitto
picoca issue printer.local --csr printer.csr
picoca identity "Kitchen tablet"
picoca identity "Lost phone"
picoca identity "Garden sensor" --for pico-w/micropython
picoca identity "Anna's phone" --wifi "Home" --radius-domain radius.home.arpa
picoca delegate step-ca step-ca
mkdir -p /media/usb && picoca backup /media/usb/picoca.age --force
`
