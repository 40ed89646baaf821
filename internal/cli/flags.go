package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
)

// addJSON adds --json.
func (a *app) addJSON(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.json, "json", false, "print the result as JSON")
}

// optional parses the value of a flag, unless that is empty.
func optional[T any](value string, parse func(string) (T, error)) (parsed T, err error) {
	if value == "" {
		return parsed, nil
	}
	return parse(value)
}

// given reports whether the user set a flag.
func (a *app) given(flag string) bool { return a.flags.Changed(flag) }

// otherFlag returns a flag of the command itself that the user set, and that is not
// among some, "" if there is none.
func (a *app) otherFlag(than ...string) (other string) {
	a.flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed && flag.Name != "home" && !slices.Contains(than, flag.Name) {
			other = flag.Name
		}
	})
	return other
}

// checkFlags refuses flags whose value cannot be meant: an empty one, which a
// variable of the shell without a value leaves, would count as none, and a device
// after --board-clock as another name of the certificate.
func (a *app) checkFlags(cmd *cobra.Command, _ []string) error {
	a.flags = cmd.Flags()
	var faults []error
	a.flags.Visit(func(f *pflag.Flag) {
		if isEmpty(f) {
			value, _ := pflag.UnquoteUsage(f)
			faults = append(faults, misuse(fmt.Sprintf("--%s has an empty value", f.Name),
				fault.Hintf("write --%s=%s, or leave it out; is a variable of the shell not set?", f.Name, value)))
		}
	})
	return errors.Join(append(faults, a.checkBoardClock())...)
}

// isEmpty reports whether a flag was given without a value, and none is meant.
func isEmpty(f *pflag.Flag) bool {
	switch f.Name {
	case "to", "mqtt", "sheet", "from": // their own rules say what is missing
		return false
	case "wifi", "radius-domain": // a renewal takes the network out
		return false
	}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return slices.Contains(list.GetSlice(), "")
	}
	return f.Value.Type() == "string" && f.Value.String() == ""
}

// checkBoardClock refuses a device that is set apart from --board-clock, whose
// value is optional.
func (a *app) checkBoardClock() error {
	const flag = "--board-clock"
	i := slices.Index(a.Args, flag)
	if i < 0 || i+1 == len(a.Args) || slices.Contains(a.Args[:i], "--") {
		return nil
	}
	next := a.Args[i+1]
	if _, err := device.ParseTarget(next); err != nil || strings.HasPrefix(next, "-") {
		return nil
	}
	return misuse(fmt.Sprintf("%s takes its device after an equals sign; got %q as a name", flag, next),
		fault.Hintf("write %s=%s", flag, next))
}
