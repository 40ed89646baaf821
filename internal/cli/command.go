package cli

import (
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// command returns a command line that can be pasted: it has the words quoted,
// and names the same CA as this run does.
func (a *app) command(words ...string) string { return a.show(words) }

// show is command for hints.
func (a *app) show(words fault.Command) string {
	line := []string{"picoca"}
	if a.homeFlag != "" && needsHome(words) {
		line = append(line, "--home", fault.Quote(a.homeFlag))
	}
	last := hyphenName(words)
	for i, word := range words {
		if i == 0 || i != last {
			line = append(line, fault.Quote(word))
		}
	}
	if last > 0 {
		line = append(line, "--", fault.Quote(words[last]))
	}
	return strings.Join(line, " ")
}

// nameFirst are the commands whose first argument is a name.
var nameFirst = []string{"issue", "identity", "renew", "revoke", "export", "example", "push", "show", "check", "backup", "restore"}

// hyphenName returns the index of the name that begins with a hyphen, 0 if
// there is none: it would be read as flags, and goes to the end, after --. The
// value of a flag may begin with one.
func hyphenName(words fault.Command) int {
	for i, word := range words {
		named := i == 1 && slices.Contains(nameFirst, words[0]) && !slices.Contains([]string{"--help", "--due", "--all", "--paper", "--ca"}, word)
		if i > 0 && word != "-" && strings.HasPrefix(word, "-") && !isFlag(words[i-1]) && (named || !isFlag(word)) {
			return i
		}
	}
	return 0
}

// needsHome reports whether a command uses the CA that --home names: not if it
// names another one, and not if it uses none.
func needsHome(words fault.Command) bool {
	return len(words) > 0 && words[0] != "--home" && words[0] != "devices" && words[0] != "help" && words[len(words)-1] != "--help"
}

// isFlag reports whether a word of a command of ours is a flag, and not a name
// that begins with a hyphen.
func isFlag(word string) bool {
	return strings.HasPrefix(word, "--") && len(word) > len("--") && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
