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
	line = append(line, words[0]) // which may be two
	arguments, flags := splitArguments(words)
	quote := func(words fault.Command) {
		for _, word := range words {
			line = append(line, fault.Quote(word))
		}
	}
	if slices.ContainsFunc(arguments, func(word string) bool { return isMisread(words[0], word) }) {
		quote(flags)
		line = append(line, "--")
		flags = nil
	}
	quote(arguments)
	quote(flags)
	return strings.Join(line, " ")
}

// twoWords are the commands below one whose first argument is a name. A Command has
// each as one word: the same words apart are a name.
var twoWords = []string{"export crl", "export expiry"}

// nameFirst are the commands whose first argument is a name.
var nameFirst = []string{"issue", "identity", "renew", "revoke", "export", "example", "push", "show", "check", "fit", "backup", "restore"}

// noName are the flags that come first after one of those, without a name.
var noName = []string{"--help", "--due", "--all", "--paper", "--ca", "--find", "--from-crl"}

// isMisread reports whether an argument of a command would be read as a flag, or as
// another command, unless it comes after --.
func isMisread(command, word string) bool {
	return word != "-" && strings.HasPrefix(word, "-") || slices.Contains(twoWords, command+" "+word)
}

// splitArguments divides what follows a command into its arguments, which come
// first, and flags with their values.
func splitArguments(words fault.Command) (arguments, flags fault.Command) {
	if isFlag(words[0]) {
		return nil, words[1:]
	}
	end := 1
	if len(words) > 1 && slices.Contains(nameFirst, words[0]) && !slices.Contains(noName, words[1]) {
		end = 2 // whatever it looks like
	}
	for end < len(words) && !isFlag(words[end]) {
		end++
	}
	return words[1:end], words[end:]
}

// needsHome reports whether a command uses the CA that --home names: not if it
// names another one, and not if it uses none.
func needsHome(words fault.Command) bool {
	return len(words) > 0 && !slices.Contains([]string{"--home", "--version", "devices", "help"}, words[0]) && words[len(words)-1] != "--help"
}

// isFlag reports whether a word of a command of ours is a flag, and not a name
// that begins with a hyphen.
func isFlag(word string) bool {
	return strings.HasPrefix(word, "--") && len(word) > len("--") && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
