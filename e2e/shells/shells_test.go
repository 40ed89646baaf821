//go:build unix

// Package shells presses the Tab key in real shells.
package shells

import (
	"path/filepath"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// shells are how each is started without the user's own settings, and how it learns
// picoca's words, as the help of picoca completion says.
var shells = []struct{ name, pkg, start, learn string }{
	{"bash", "bash-completion", "exec bash --norc --noprofile -i", ". /usr/share/bash-completion/bash_completion; . <(picoca completion bash)"},
	{"zsh", "zsh", "exec zsh -f -i", "autoload -U compinit; compinit -u -D; . <(picoca completion zsh)"},
	{"fish", "fish", "exec fish --no-config --private", "picoca completion fish | source"},
}

// TestTabKey: names, devices and files are completed where they are meant, and a file
// is not offered where a name is.
func TestTabKey(t *testing.T) {
	for _, shell := range shells {
		t.Run(shell.name, func(t *testing.T) {
			rig.Need(t, shell.name, shell.pkg)
			h := rig.NewHome(t)
			h.Issue("pico.local")
			h.Run("identity", "Kitchen tablet", "--for", "computer")
			rig.WriteFile(t, h.Path("zebra.csv"), "a.local\n")
			term := rig.NewTerminal(t, h)
			term.Send("PATH="+filepath.Dir(rig.Program())+":$PATH; export PATH HOME="+h.Dir+" HISTFILE=/dev/null; "+shell.start, "Enter")
			term.Send(shell.learn+"; echo it has $(picoca --help | grep -c completion) line", "Enter")
			term.Wait("it has 1 line")
			for _, row := range []struct{ typed, want string }{
				{"picoca renew pi", "picoca renew pico.local"},
				{"picoca show Kit", `picoca show Kitchen\ tablet`},
				{"picoca issue x.local --for synol", "picoca issue x.local --for synology"},
				{"picoca issue --from zeb", "picoca issue --from zebra.csv"},
				{"picoca revoke pico.local --reason keyC", "picoca revoke pico.local --reason keyCompromise"},
			} {
				term.Send("-l", row.typed)
				term.Send("Tab")
				term.Wait(row.want)
				term.Send("C-u")
			}
			term.Send("-l", "picoca renew zeb")
			term.Send("Tab")
			term.Send("-l", "!") // what the Tab key did comes before it
			term.Wait("picoca renew zeb!")
		})
	}
}
