package cli

import (
	"cmp"
	"errors"
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
	a.say("%s%s", b.Name, chipText(b))
	a.sayWrapped("files: " + strings.Join(b.Formats, ", "))
	a.sayWrapped(keysLine(b))
	a.sayWrapped(fmt.Sprintf("certificate: at most %s (%s)", bytesText(b.MaxCertificateBytes), b.MaxCertificateSource))
	if err := errors.Join(a.tellFirmware(b), a.tellCosts(b)); err != nil {
		return err
	}
	a.say("")
	for _, line := range slices.Concat(b.Notes, sources(b)) {
		a.sayWrapped("- " + line)
	}
	return nil
}

func chipText(b device.Board) string {
	if b.RAMKB == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s, %d KB of RAM)", b.Chip, b.RAMKB)
}

func keysLine(b device.Board) string {
	line := "keys, the best first: " + strings.Join(b.Keys, ", ")
	if len(b.UnwiseKeys) > 0 {
		line += "; with --force " + strings.Join(b.UnwiseKeys, ", ")
	}
	if len(b.RootKeys) > 0 {
		line += "; the root's: " + strings.Join(b.RootKeys, ", ")
	}
	return line
}

func (a *app) tellFirmware(b device.Board) error {
	a.say("")
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIRMWARE\tTLS\tDER KEYS\tPEM KEYS")
	for _, f := range b.Firmware {
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\n", f.Name, f.Versions, f.TLS, containersText(f.Loads, "der"), containersText(f.Loads, "pem"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.sayWrapped("SEC1 holds EC keys, PKCS#1 RSA keys, PKCS#8 both; all is all three")
	return nil
}

// containersText folds the containers of one form into a short cell: "all",
// "none", "SEC1, PKCS#1".
func containersText(loads []string, form string) string {
	var names []string
	for _, container := range []struct{ id, name string }{{"sec1", "SEC1"}, {"pkcs1", "PKCS#1"}, {"pkcs8", "PKCS#8"}} {
		if slices.Contains(loads, container.id+"-"+form) {
			names = append(names, container.name)
		}
	}
	switch len(names) {
	case 0:
		return "none"
	case 3:
		return "all"
	}
	return strings.Join(names, ", ")
}

func (a *app) tellCosts(b device.Board) error {
	if len(b.Costs) == 0 {
		return nil
	}
	a.say("")
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tFIRMWARE\tCURVE\tHEAP\tLISTENER\tTIME\tCERTIFICATE")
	for _, c := range b.Costs {
		_, version, _ := strings.Cut(c.Firmware, "@")
		seconds, size := "-", "-"
		if c.Seconds > 0 {
			seconds = device.Seconds(c.Seconds)
		}
		if c.CertificateBytes > 0 {
			size = bytesText(c.CertificateBytes)
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", c.Key, b.FirmwareName(c.Firmware), version, cmp.Or(c.Curve, "-"),
			heapText(c.HeapBytes), heapText(c.HeapListenerBytes), seconds, size)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.sayWrapped("HEAP is the most that the handshake of one connection holds; LISTENER the same when the listening socket is wrapped in TLS too." +
		" CURVE is that of the key exchange." + growthText(b.Growth))
	return nil
}

// growthText tells what a larger certificate than the table's takes.
func growthText(g device.Growth) string {
	if g == (device.Growth{}) {
		return ""
	}
	return fmt.Sprintf(" A larger CERTIFICATE takes %s of heap more for each byte, and %d for each name after the first.", bytesText(g.HeapBytesPerByte), g.HeapBytesPerName)
}

func heapText(bytes int) string {
	if bytes == 0 {
		return "-"
	}
	return device.Kilobytes(bytes)
}

// sources lists where what is told comes from, each source once, with what
// comes from there.
func sources(b device.Board) []string {
	var order []string
	from := make(map[string][]string)
	add := func(source, what string) {
		if source != "" && from[source] == nil {
			order = append(order, source)
		}
		if !slices.Contains(from[source], what) {
			from[source] = append(from[source], what)
		}
	}
	for _, f := range b.Firmware {
		add(f.LoadsSource, f.Name+" "+f.Versions)
	}
	for _, c := range b.Costs {
		add(c.SizesSource, "heap and sizes")
		add(c.SecondsSource, "time")
	}
	add(b.Growth.Source, "heap and sizes")
	for i, source := range order {
		order[i] = strings.Join(from[source], ", ") + ": " + source
	}
	return order
}

// lineWidth is that of a usual terminal.
const lineWidth = 80

// sayWrapped says a text in lines that break between words; all but the first
// are indented.
func (a *app) sayWrapped(text string) {
	a.say("%s", strings.Join(fold(text, lineWidth-len("  ")), "\n  "))
}
