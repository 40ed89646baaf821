package cli

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/onboard"
)

// addresses are those of a computer with these interfaces, best first.
func addresses(t *testing.T, list ...string) []onboard.Address {
	t.Helper()
	var all []onboard.Address
	for _, text := range list {
		ip, name, _ := strings.Cut(text, " ")
		n := onboard.Network{Interfaces: []onboard.Interface{{Name: name, Up: true, Addresses: []netip.Addr{netip.MustParseAddr(ip)}}}}
		address, _, err := n.Choose(onboard.Wish{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, address)
	}
	return all
}

const print64 = "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"

// The longest address that IPv4 allows, and long names of interfaces, have room
// beside the code at 80 columns: what is compared or typed is never broken.
func TestPhoneWordsStandBesideTheCode(t *testing.T) {
	all := addresses(t, "192.168.100.200 enp0s31f6mmmmmm", "192.168.100.201 enx001122334455", "fd12:3456:789a:bcde:f012:3456:789a:bcde wlp0s20f3",
		"172.17.0.1 docker0", "172.18.0.1 br-0123456789ab")
	serving := phoneServing{"http://192.168.100.200:65531/k7q2m5x3w4t6p", print64, all[0], all[1:]}
	words := serving.words(50 * time.Minute)
	drawn := make([]string, 19)
	for i := range drawn {
		drawn[i] = strings.Repeat("#", 37)
	}
	lines, ok := besides(drawn, 37, words, 80)
	if !ok {
		t.Fatalf("there is no room for %q", words)
	}
	if len(lines) != len(drawn) {
		t.Errorf("%d lines, want %d", len(lines), len(drawn))
	}
	text := strings.Join(lines, "\n") + "\n"
	for _, line := range lines {
		if len(line) > 80 || strings.TrimRight(line, " ") != line {
			t.Errorf("%d columns, or spaces at the end: %q", len(line), line)
		}
	}
	whole := []string{serving.url, "192.168.100.201", "fd12:3456:789a:bcde:f012:3456:789a:bcde", "172.17.0.1", "or on 1 more: see --json"}
	for i := range 4 {
		whole = append(whole, print64[24*i:min(24*i+24, len(print64))])
	}
	for _, want := range whole {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%q is not at the end of a line in\n%s", want, text)
		}
	}
	if _, ok := besides(drawn, 37, words, 79); ok {
		t.Error("79 columns are taken for enough")
	}
}

func TestWordsThatAreMoreThanTheCodeGoOn(t *testing.T) {
	lines, ok := besides([]string{"##", "##"}, 2, []string{"a", "b c", "", "d"}, 6)
	if got, want := strings.Join(lines, "|"), "## a|## b c||   d"; !ok || got != want {
		t.Errorf("got %q, %t, want %q", got, ok, want)
	}
}

func TestPhoneHintsNameWhatIsThere(t *testing.T) {
	have := addresses(t, "10.1.2.3 eth0", "10.9.9.9 wlan 1")
	denied := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}
	taken := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	fault := fmt.Errorf("fault")
	for _, test := range []struct {
		err  error
		want string
	}{
		{phoneAddressError{fault, false, true, have}, "choose an address of this computer: --address 10.1.2.3"},
		{phoneAddressError{fault, true, false, have}, "choose an interface of this computer: --interface eth0"},
		{phoneAddressError{fault, true, false, have[1:]}, "choose an interface of this computer: --interface 'wlan 1'"},
		{phoneAddressError{fault, true, true, have}, "leave --interface out, and choose an address of this computer: --address 10.1.2.3"},
		{phoneAddressError{fault, false, true, nil}, "connect this computer to your home network"},
		{listenError{denied}, "choose a port from 1024 on: --port 8440"},
		{listenError{taken}, "choose other ports: --port 8450, or --port 0 for any that are free"},
	} {
		if got := (&app{}).hint(test.err); got != test.want {
			t.Errorf("%#v: got %q, want %q", test.err, got, test.want)
		}
	}
}

func TestTheEndOfPhoneIsTold(t *testing.T) {
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for _, test := range []struct {
		reason endReason
		by     []netip.Addr
		err    error
		want   string
	}{
		{endedByTime, nil, nil, "time is up: no phone has trusted the CA\n"},
		{endedByTime, nil, untrustedError{}, ""}, // the error says it
		{endedByTime, []netip.Addr{one, one}, nil, "time is up: 1 phone trusts the CA\n"},
		{endedByTime, []netip.Addr{one, two}, nil, "time is up: 2 phones trust the CA\n"},
		{endedByUser, nil, errInterrupted, "stopped: no phone has trusted the CA\n"},
		{endedByProof, []netip.Addr{one}, nil, "done: 1 phone trusts the CA\n"},
	} {
		var out bytes.Buffer
		log := &phoneLog{app: &app{World: World{Stdout: &out, Now: time.Now}}, trusting: map[netip.Addr]bool{}}
		for _, from := range test.by {
			log.note(onboard.Event{Action: onboard.Trusted, Address: from})
		}
		out.Reset()
		log.end(test.reason, test.err)
		if got := out.String(); got != test.want {
			t.Errorf("%s by %v: got %q, want %q", test.reason, test.by, got, test.want)
		}
	}
}

// A file that appeared while the passphrase was typed is not replaced.
func TestAPictureReplacesNothingThatCameInBetween(t *testing.T) {
	t.Chdir(t.TempDir())
	world := World{Args: []string{"--home", "ca", "init", "--no-passphrase"}, Stdout: io.Discard, Stderr: io.Discard, Getenv: os.Getenv, Now: time.Now}
	if code := Main(t.Context(), world); code != exitDone {
		t.Fatalf("init ended with %d", code)
	}
	a := &app{World: world, homeFlag: "ca"}
	p, err := a.openPicture(t.Context(), "code.png", &x509.Certificate{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := os.WriteFile("code.png", []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.locked(t.Context(), func() error { return p.write([]byte("ours")) }); !isA[inTheWayError](err) {
		t.Errorf("got %v", err)
	}
	if p, err := a.openPicture(t.Context(), "codes/", &x509.Certificate{}, false); !isA[inTheWayError](err) {
		t.Errorf("a folder's name: got %v, %v", p, err)
	}
	if got, _ := os.ReadFile("code.png"); string(got) != "theirs" {
		t.Errorf("the file holds %q", got)
	}
}
