// Package testcli reads the command lines that picoca prints and its pages show,
// as a shell and the program read them. Only tests import it.
package testcli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/cli"
)

// substitution is a program's output in the place of a file's name, in bash.
var substitution = regexp.MustCompile(`<\([^)]*\)`)

// Words returns the words of a command line, up to the first sign that ends it for
// a shell: a pipe, a redirection, a comment or another command.
func Words(line string) []string {
	var words []string
	var word strings.Builder
	begun, quote := false, rune(0)
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	escaped := false
	for _, c := range substitution.ReplaceAllString(line, "/dev/fd/63") {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			begun, quote = true, c
		case c == ' ' || c == '\t':
			end()
		case strings.ContainsRune("|;&<>()", c), c == '#' && !begun:
			end()
			return words
		default:
			begun = true
			word.WriteRune(c)
		}
	}
	end()
	return words
}

// Check reports how picoca refuses a line before it looks at anything: an unknown
// command or flag, a value that cannot be one, or too few or too many arguments.
func Check(line string) error {
	cmd, err := parse(line)
	if err != nil || cmd.Flags().Lookup("help").Changed || cmd.Name() == "help" {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// IsName reports whether a line is a command without arguments and flags, as a
// sentence names it: picoca renew.
func IsName(line string) bool {
	cmd, err := parse(line)
	return err == nil && cmd.HasParent() && cmd.Flags().NFlag() == 0 && cmd.Flags().NArg() == 0
}

// parse finds a line's command, and reads its flags.
func parse(line string) (*cobra.Command, error) {
	words := Words(line)
	if len(words) == 0 || words[0] != "picoca" {
		return nil, fmt.Errorf("%q is no command of picoca's", line)
	}
	root := cli.Command()
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(words[1:])
	if err != nil {
		return nil, err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return nil, err
	}
	if args := cmd.Flags().Args(); strings.HasSuffix(cmd.Use, " COMMAND") && len(args) > 0 {
		return nil, fmt.Errorf("unknown command %q", args[0])
	}
	return cmd, nil
}
