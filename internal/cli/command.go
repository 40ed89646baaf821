package cli

import (
	"os"
	"strings"
	"unicode"

	"github.com/picoca/picoca/internal/fault"
)

// command returns a command line that can be pasted: it has the words quoted,
// and names the same CA as this run does.
func (a *app) command(words ...string) string { return a.show(words) }

// show is command for hints.
func (a *app) show(words fault.Command) string {
	line := []string{"picoca"}
	if a.homeFlag != "" && needsHome(words) {
		line = append(line, "--home", shellQuote(a.homeFlag))
	}
	for i, word := range words {
		// A name that begins with a hyphen would be read as flags.
		if i > 0 && strings.HasPrefix(word, "-") && !isFlag(word) {
			rest := append([]string{"--"}, words[i])
			flags := words[i+1:]
			for _, flag := range flags {
				line = append(line, shellQuote(flag))
			}
			return strings.Join(append(line, rest[0], shellQuote(rest[1])), " ")
		}
		line = append(line, shellQuote(word))
	}
	return strings.Join(line, " ")
}

// needsHome reports whether a command uses the CA that --home names: not if it
// names another one, and not if it uses none.
func needsHome(words fault.Command) bool {
	return len(words) > 0 && words[0] != "--home" && words[0] != "devices" && words[len(words)-1] != "--help"
}

// isFlag reports whether a word of a command of ours is a flag, and not a name
// that begins with a hyphen.
func isFlag(word string) bool {
	return strings.HasPrefix(word, "--") && len(word) > len("--") && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// shellQuote quotes a word for a command line that users copy, unless it
// has only characters that every shell takes as they are.
func shellQuote(word string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._:@%+=,-", r)
	}
	if os.PathSeparator == '/' && (word == "" || strings.ContainsFunc(word, special)) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
