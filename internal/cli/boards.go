package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
)

func (a *app) boardsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "boards [ID]",
		Short: "Show what boards load, and what each key type costs them",
		Args:  atMost(1, "at most a board's ID"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.runBoard(args[0], asJSON)
			}
			return a.runBoards(asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) runBoards(asJSON bool) error {
	if asJSON {
		return a.printJSON(device.All())
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tBOARD\tFILES\tKEYS")
	for _, b := range device.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", b.ID, b.Name, strings.Join(b.Formats, " "), strings.Join(b.Keys, " "))
	}
	return w.Flush()
}

func (a *app) runBoard(id string, asJSON bool) error {
	b, err := device.Find(id)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(b)
	}
	a.say("%s (%s)", b.Name, b.Chip)
	a.say("files: %s", strings.Join(b.Formats, ", "))
	a.say("keys: %s", strings.Join(b.Keys, ", "))
	if len(b.RootKeys) > 0 {
		a.say("root key: %s", strings.Join(b.RootKeys, ", "))
	}
	a.say("certificate: at most %s (%s)", bytesText(b.MaxCertificateBytes), b.MaxCertificateSource)
	for _, note := range b.Notes {
		a.say("%s", note)
	}
	if err := a.tellFirmware(b); err != nil {
		return err
	}
	return a.tellCosts(b)
}

func (a *app) tellFirmware(b device.Board) error {
	a.say("")
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIRMWARE\tVERSIONS\tTLS\tKEY FILES IT LOADS")
	for _, f := range b.Firmware {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, f.Versions, f.TLS, strings.Join(f.Loads, " "))
	}
	return w.Flush()
}

func (a *app) tellCosts(b device.Board) error {
	if len(b.Costs) == 0 {
		return nil
	}
	a.say("")
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tFIRMWARE\tHEAP\tTIME\tCERTIFICATE")
	for _, c := range b.Costs {
		heap, seconds, size := "", "", ""
		if c.HeapBytes > 0 {
			heap = fmt.Sprintf("%.1f KB", float64(c.HeapBytes)/1000)
		}
		if c.Seconds > 0 {
			seconds = device.Seconds(c.Seconds)
		}
		if c.CertificateBytes > 0 {
			size = bytesText(c.CertificateBytes)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Key, c.Firmware, cmp.Or(heap, "-"), cmp.Or(seconds, "-"), cmp.Or(size, "-"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.say("")
	for _, source := range sources(b.Costs) {
		a.say("%s", source)
	}
	return nil
}

// sources lists where the figures come from, each once.
func sources(costs []device.Cost) []string {
	var all []string
	add := func(what, source string) {
		line := what + " " + source
		if source != "" && !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	for _, c := range costs {
		add("heap", c.HeapSource)
		add("time", c.SecondsSource)
	}
	return all
}
