package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/picoca/picoca/internal/terminal"
)

// usage prints how a command is called, in lines that fit the terminal, or 80
// columns if it is wider or there is none. Cobra breaks lines only if a template
// says so, and filling in one would make the program a fifth larger.
func (a *app) usage(cmd *cobra.Command) error {
	width := terminal.LineWidth
	if columns, _ := terminal.Size(a.Stdout); columns > 0 {
		width = min(width, columns)
	}
	w := cmd.OutOrStderr()
	fmt.Fprintf(w, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	groups := cmd.Groups()
	if len(groups) == 0 && cmd.HasAvailableSubCommands() {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, group := range groups {
		writeGroup(w, cmd, group)
	}
	fmt.Fprintf(w, "\nFlags:\n%s", optionalValues(cmd.LocalFlags().FlagUsagesWrapped(width)))
	if cmd.HasAvailableInheritedFlags() {
		fmt.Fprintf(w, "\nGlobal flags:\n%s", cmd.InheritedFlags().FlagUsagesWrapped(width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s\n\nMore about a command: %s COMMAND --help\n", exitCodes, cmd.CommandPath())
	}
	if !cmd.HasParent() {
		fmt.Fprintf(w, "How a task is done: picoca help %s\n", topicList)
	}
	return nil
}

// optionalValues writes the value of --board-clock as man pages do. Pflag adds, in
// Go's syntax, what the flag stands for without one.
func optionalValues(usages string) string {
	const theirs, ours = ` DEVICE[="true"]`, "[=DEVICE]"
	return strings.ReplaceAll(usages, theirs, ours+strings.Repeat(" ", len(theirs)-len(ours)))
}

// writeGroup lists the commands of a group below its title.
func writeGroup(w io.Writer, cmd *cobra.Command, group *cobra.Group) {
	fmt.Fprintf(w, "\n%s\n", group.Title)
	for _, sub := range cmd.Commands() {
		if sub.GroupID == group.ID && sub.IsAvailableCommand() {
			fmt.Fprintf(w, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
}

// exitCodes explains the numbers of package fault.
const exitCodes = `Exit codes:
  0 done, 1 failed, 2 wrong command line, 3 no CA here, 4 a check found
  something, 130 interrupted`

// flagFault says what a flag's value should be, instead of which function of Go
// could not read it.
func flagFault(err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag{unknown}
	}
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	want, ok := map[string]string{
		"uint16":   "a number from 0 to 65535",
		"int":      "a whole number",
		"duration": "a time span such as 10m",
		"bool":     "true or false",
	}[invalid.GetFlag().Value.Type()]
	if !ok {
		return err
	}
	return fmt.Errorf("--%s %q is not %s", invalid.GetFlag().Name, invalid.GetValue(), want)
}

// unknownFlag names a flag that a command does not have.
type unknownFlag struct{ *pflag.NotExistError }

func (e unknownFlag) Error() string {
	if group := e.GetSpecifiedShortnames(); group != "" {
		return fmt.Sprintf("unknown flag %q in %q", "-"+e.GetSpecifiedName(), "-"+group)
	}
	return fmt.Sprintf("unknown flag %q", "--"+e.GetSpecifiedName())
}

// isShorthand reports whether an argument such as -x.local was read as flags.
func isShorthand(err error) bool {
	unknown, ok := errors.AsType[unknownFlag](err)
	return ok && unknown.GetSpecifiedShortnames() != ""
}
