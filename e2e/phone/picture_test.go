//go:build unix

package phone

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestPictureOfThePage is of the page that an iPhone opens, for docs/phone.md.
func TestPictureOfThePage(t *testing.T) {
	rig.NeedPictures(t)
	run := startPhone(t, nil)
	rig.KeepPicture(t, "phone-page.png", served(t, run.url), func(file string) {
		b := newBrowser(t, rig.NewTrust(t), iPhone)
		b.do(nil, "open", "url", run.url)
		b.do(nil, "view", "file", file)
	})
}

// served returns a page as an iPhone gets it.
func served(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("User-Agent", iPhone.UserAgent)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", response.Status, err)
	}
	return string(page)
}

// aHome gives the shell a network of its own, in which this computer has an address
// of a home, and picoca by its name.
const aHome = `unshare --map-root-user --net env PATH=%PATH%:"$PATH" sh -c 'ip link add wlan0 type veth peer name access0 && ip link set access0 up && ip address add 192.168.1.20/24 dev wlan0 && ` +
	`ip link set wlan0 up && ip link set lo up && ip route add default via 192.168.1.1 && echo at home | tr a-z A-Z && exec env PS1="$ " sh'`

// TestPictureOfTheTerminal is of a session up to the code that the phone scans, for
// docs/phone.md.
func TestPictureOfTheTerminal(t *testing.T) {
	rig.NeedPictures(t)
	rig.Need(t, "unshare", "util-linux")
	rig.Need(t, "ip", "iproute2")
	term := rig.NewTerminal(t, rig.NewHome(t))
	term.Do("resize-window", "-t", term.Name, "-x", "100", "-y", "30")
	term.Send(strings.ReplaceAll(aHome, "%PATH%", filepath.Dir(rig.Program())), "Enter")
	term.Wait("\nAT HOME\n$")
	term.Send("picoca issue pico.local", "Enter")
	term.Wait("next: ")
	term.WaitPrompt()
	term.Send("picoca phone", "Enter")
	term.Wait("--png FILE")
	shown := sessionOf(term.Do("capture-pane", "-p", "-e", "-N", "-S", "-50", "-t", term.Name))
	rig.KeepPicture(t, "phone-terminal.png", withoutCode(shown), func(file string) {
		drawTerminal(t, shown, emulator{100, strings.Count(shown, "\n") + 2, "dark", 1, true}, file)
	})
	term.Send("C-c")
}

// sessionOf leaves out what was on the screen before, and the empty lines below.
func sessionOf(screen string) string {
	_, session, _ := strings.Cut(screen, "$ picoca issue")
	lines := strings.Split("$ picoca issue"+session, "\n")
	for strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

// withoutCode returns the words of a session: the code is another one each time.
func withoutCode(screen string) string {
	words := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(screen, "")
	words = regexp.MustCompile(`[█▀▄]+`).ReplaceAllString(words, "")
	return strings.Join(strings.Fields(words), " ")
}
