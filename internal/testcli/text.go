package testcli

import (
	"fmt"
	"strings"
)

// InText returns the commands in a line that was printed for people, such as a
// hint, and an error for each that picoca would refuse. A command ends where its
// sentence goes on: the longest part that can be run counts, unless a flag follows.
func InText(line string) (commands []string, faults []error) {
	for rest := line; ; {
		_, after, found := strings.Cut(rest, "picoca ")
		if !found {
			return commands, faults
		}
		if IsName("picoca " + strings.TrimRight(firstWord(after), ".,:;?)")) {
			command, err := longest("picoca " + after)
			if err != nil {
				faults = append(faults, fmt.Errorf("%w, in: %s", err, line))
			}
			commands = append(commands, command)
		}
		rest = after
	}
}

// firstWord skips the global flag --home with its folder.
func firstWord(text string) string {
	words := Words(text)
	if len(words) > 2 && words[0] == "--home" {
		return words[2]
	}
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// longest returns the longest part of a text, from its beginning, that could be
// run, or that names a command.
func longest(text string) (string, error) {
	first := Check(text)
	for end := len(text); end > len("picoca "); end = strings.LastIndexByte(text[:end], ' ') {
		command := strings.TrimRight(text[:end], ".,:;?)")
		if Check(command) != nil && !IsName(command) {
			continue
		}
		if next := strings.TrimSpace(text[end:]); strings.HasPrefix(next, "--") || isGroup(command) {
			return command, first
		}
		return command, nil
	}
	return "", first
}

// isGroup reports whether a command only has others below it.
func isGroup(command string) bool {
	cmd, err := parse(command)
	return err == nil && strings.HasSuffix(cmd.Use, " COMMAND") && !cmd.Flags().Lookup("help").Changed
}
