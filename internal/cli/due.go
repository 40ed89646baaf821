package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
)

// dueFlags say which certificates are due.
type dueFlags struct {
	due    bool
	within string
}

func (f *dueFlags) add(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVar(&f.due, "due", false, what+" at most 30 days left, or a third of a life under 90 days")
	cmd.Flags().StringVar(&f.within, "within", "", "`TIME` before the end at which a certificate is due instead, such as 30d, 8w or 36h")
}

// parse returns what --within says, 0 if it is unset.
func (f *dueFlags) parse(cmd *cobra.Command) (time.Duration, error) {
	switch {
	case f.within == "":
		return 0, nil
	case !f.due:
		return 0, usageFault(cmd, errors.New("--within is for --due"))
	}
	within, ok := parseTime(f.within)
	if !ok {
		return 0, usageFault(cmd, fmt.Errorf("--within %q is not a time such as 30d, 8w or 36h", f.within))
	}
	return within, nil
}

// parseTime reads a number of hours, days or weeks.
func parseTime(text string) (time.Duration, bool) {
	parts := regexp.MustCompile(`^([1-9][0-9]{0,4})([hdw])$`).FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(parts[1]) // five digits at most
	unit := map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[parts[2]]
	return time.Duration(n) * unit, true
}

// errDue makes list --due fail: a script sees that something is due.
func errDue(n int) error {
	text := "1 certificate is due for renewal"
	if n > 1 {
		text = fmt.Sprintf("%d certificates are due for renewal", n)
	}
	return found(text, fault.Run("renew", "--due"))
}
