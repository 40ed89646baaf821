package fault

import (
	"regexp"
	"strings"
)

// SingleBackslashes undoes what %q does to the paths of Windows, so that users see
// and copy them as they are. Outside quotes, two are the beginning of a share.
func SingleBackslashes(system, text string) string {
	if system != "windows" {
		return text
	}
	parts := strings.Split(text, `"`)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = strings.ReplaceAll(parts[i], `\\`, `\`)
	}
	return strings.Join(parts, `"`)
}

// WholeQuotes puts what follows a quoted folder between its quotes: PowerShell would
// make two words of "my files"/cert.pem.
func WholeQuotes(system, command string) string {
	if system != "windows" {
		return command
	}
	return regexp.MustCompile(`("[^"]*)"(/[^ "]+)`).ReplaceAllString(command, `$1$2"`)
}
