//go:build unix

package cli

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

func TestCommandsCanBePasted(t *testing.T) {
	for _, row := range []struct {
		home  string
		words fault.Command
		want  string
	}{
		{"", fault.Command{"renew", "pico.local"}, "picoca renew pico.local"},
		{"", fault.Command{"renew", "Kitchen tablet"}, "picoca renew 'Kitchen tablet'"},
		{"", fault.Command{"renew", "Ann's phone"}, `picoca renew 'Ann'\''s phone'`},
		{"", fault.Command{"renew", `"$(id)"`}, `picoca renew '"$(id)"'`},
		{"", fault.Command{"renew", "Küchen-Tablet"}, "picoca renew Küchen-Tablet"},
		{"", fault.Command{"renew", "*.pico.local"}, "picoca renew '*.pico.local'"},
		{"", fault.Command{"export", "~ann"}, "picoca export '~ann'"},
		{"", fault.Command{"export", "=ls"}, "picoca export '=ls'"},
		{"", fault.Command{"export", ""}, "picoca export ''"},
		{"", fault.Command{"renew", "-garden", "--out", "x y"}, "picoca renew --out 'x y' -- -garden"},
		{"", fault.Command{"renew", "--out", "--key", "p256"}, "picoca renew --key p256 -- --out"},
		{"", fault.Command{"renew", "--help"}, "picoca renew --help"},
		{"", fault.Command{"renew", "-a.local", "b.local"}, "picoca renew -- -a.local b.local"},
		{"", fault.Command{"check", "--find"}, "picoca check --find"},
		{"", fault.Command{"export", "crl"}, "picoca export -- crl"},
		{"ca", fault.Command{"export", "crl", "--out", "x y"}, "picoca --home ca export --out 'x y' -- crl"},
		{"", fault.Command{"export crl", "--out", "x"}, "picoca export crl --out x"},
		{"", fault.Command{"renew", "crl"}, "picoca renew crl"},
		{"", fault.Command{"phone", "--identity", "-garden"}, "picoca phone --identity -garden"},
		{"", fault.Command{"export", "nas.local", "--out", "-x/a b"}, "picoca export nas.local --out '-x/a b'"},
		{"", fault.Command{"--help"}, "picoca --help"},
		{"ca", fault.Command{"list"}, "picoca --home ca list"},
		{"my ca", fault.Command{"renew", "-garden"}, "picoca --home 'my ca' renew -- -garden"},
		{"my ca", fault.Command{"devices"}, "picoca devices"},
		{"my ca", fault.Command{"issue", "--help"}, "picoca issue --help"},
		{"my ca", fault.Command{"--home", "FOLDER", "init"}, "picoca --home FOLDER init"},
	} {
		a := &app{homeFlag: row.home}
		if got := a.command(row.words...); got != row.want {
			t.Errorf("%q with --home %q: got %s, want %s", row.words, row.home, got, row.want)
		}
	}
}

// TestAShellReadsTheWordsBack is the promise behind the table.
func TestAShellReadsTheWordsBack(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	words := fault.Command{"export", "a'b\"c", "--out", "$HOME/`id`\\;&|<>()!#*?[]{}~\n\té", "--for", ""}
	script := "picoca() { printf '%s\\0' \"$@\"; }; " + (&app{}).command(words...)
	out, err := exec.Command(sh, "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, words) {
		t.Errorf("got %q, want %q", got, words)
	}
}

// TestCommandsAreReadAsTheyWereMeant gives the words that hints are made of
// back to the flags of the command.
func TestCommandsAreReadAsTheyWereMeant(t *testing.T) {
	for _, row := range []struct {
		words      fault.Command
		args       []string
		flag, want string
	}{
		{fault.Command{"renew", "-garden", "--out", "-x"}, []string{"-garden"}, "out", "-x"},
		{fault.Command{"renew", "--out", "--key", "p256"}, []string{"--out"}, "key", "p256"},
		{fault.Command{"renew", "-a.local", "b.local", "--out", "x"}, []string{"-a.local", "b.local"}, "out", "x"},
		{fault.Command{"export", "crl", "--out", "x"}, []string{"crl"}, "out", "x"},
		{fault.Command{"export", "expiry", "--p12-profile", "modern2023"}, []string{"expiry"}, "p12-profile", "modern2023"},
		{fault.Command{"phone", "--identity", "-garden"}, []string{}, "identity", "-garden"},
		{fault.Command{"phone", "--identity", "--json"}, []string{}, "identity", "--json"},
	} {
		a := &app{}
		line := strings.Fields(a.command(row.words...))[1:] // none of these needs quotes
		cmd, rest, err := a.rootCommand().Find(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if got := cmd.Flags().Args(); !slices.Equal(got, row.args) {
			t.Errorf("%q: got arguments %q, want %q", line, got, row.args)
		}
		if got := cmd.Flags().Lookup(row.flag).Value.String(); got != row.want {
			t.Errorf("%q: got --%s %q, want %q", line, row.flag, got, row.want)
		}
	}
}

// TestNoCommandHidesAName: a command below one that takes a name is known as such.
func TestNoCommandHidesAName(t *testing.T) {
	var below []string
	for _, cmd := range (&app{}).rootCommand().Commands() {
		for _, sub := range cmd.Commands() {
			if slices.Contains(nameFirst, cmd.Name()) {
				below = append(below, cmd.Name()+" "+sub.Name())
			}
		}
	}
	if slices.Sort(below); !slices.Equal(below, twoWords) {
		t.Errorf("got %q, want %q", below, twoWords)
	}
}
