package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/terminal"
)

type devicesOptions struct {
	search string
}

func (a *app) devicesCommand() *cobra.Command {
	var o devicesOptions
	cmd := &cobra.Command{
		Use: "devices [DEVICE]",
		Example: `  picoca devices
  picoca devices pico-w
  picoca devices --search mqtt`,
		Args: args(0, 1, "at most one device"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return a.runDevices(o)
			case o.search != "":
				return usageFault(cmd, errors.New("--search is for the list, without DEVICE"))
			}
			return a.runDevice(args[0])
		},
	}
	cmd.Flags().StringVar(&o.search, "search", "", "only devices whose name, files, notes or steps contain `TEXT`")
	a.addJSON(cmd)
	return cmd
}

// deviceJSON is a device in the list that --json prints.
type deviceJSON struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Group    device.Group `json:"group"`
	Firmware []string     `json:"firmware"`
}

func (a *app) runDevices(o devicesOptions) error {
	found := slices.DeleteFunc(device.All(), func(d device.Device) bool { return !d.Matches(o.search) })
	if len(found) == 0 {
		return fault.New(fmt.Sprintf("no device matches %q", o.search),
			fault.Hintf("%s lists all of them; computer stands for any other server", fault.Command{"devices"}))
	}
	if a.json {
		list := []deviceJSON{}
		for _, d := range found {
			list = append(list, deviceJSON{d.ID, d.Name, d.Group, d.FirmwareIDs()})
		}
		return a.printJSON(list)
	}
	w := a.columns()
	fmt.Fprintln(w, "DEVICE\tWHAT IT IS\tFIRMWARE")
	for _, group := range device.Groups() {
		for _, d := range found {
			if d.Group == group {
				fmt.Fprintf(w, "%s\t%s\t%s\n", d.ID, d.Name, strings.Join(d.FirmwareIDs(), " "))
			}
		}
	}
	return w.Flush()
}

func (a *app) runDevice(id string) error {
	d, err := device.Find(id)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(d)
	}
	a.say("%s%s", d.Name, chipText(d))
	for _, f := range d.Firmware {
		if err := a.printFirmware(d, f); err != nil {
			return err
		}
	}
	if len(d.Notes) > 0 {
		a.say("")
	}
	for _, note := range d.Notes {
		a.sayWrapped("- " + note)
	}
	return nil
}

func chipText(d device.Device) string {
	if d.RAMKB == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s, %d KB of RAM)", d.Chip, d.RAMKB)
}

func (a *app) printFirmware(d device.Device, f device.Firmware) error {
	a.say("")
	a.say("--for %s/%s: %s", d.ID, f.ID, f.Name)
	a.sayWrapped("files: " + strings.Join(f.FileNames("NAME"), ", "))
	a.sayWrapped(keysText(f))
	if f.MaxCertificateBytes > 0 {
		a.sayWrapped(fmt.Sprintf("certificate: at most %s (%s)", terminal.Count(f.MaxCertificateBytes, "byte"), f.MaxCertificateSource))
	}
	if text := csrTexts[f.CSR]; text != "" {
		a.sayWrapped("its own key: " + text + ": see " + a.command("issue", "NAME", "--csr", "FILE"))
	}
	if f.Port > 0 {
		a.say("port: %d", f.Port)
	}
	if err := errors.Join(a.printVersions(f), a.printCosts(d, f), a.printClientCosts(f)); err != nil {
		return err
	}
	a.printSteps(f)
	for _, line := range slices.Concat(f.Notes, f.Origins()) {
		a.sayWrapped("- " + line)
	}
	if f.Tested == "" {
		a.sayWrapped("- Not tested: no one has run these files on it yet.")
	} else {
		a.sayWrapped("- Tested: " + f.Tested)
	}
	return nil
}

// csrTexts say whether a device makes its own key.
var csrTexts = map[string]string{"also": "it can make one and a certificate request", "only": "it takes a certificate only for one that it made"}

// printSteps prints what the user does with the files.
func (a *app) printSteps(f device.Firmware) {
	fill := strings.NewReplacer("{name}", "NAME", "{stem}", "NAME", "{folder}", "FOLDER")
	for i, step := range f.Steps {
		text := step.Do
		if step.Run != "" {
			text = "run " + step.Run
		}
		a.sayWrapped(fmt.Sprintf("step %d: %s", i+1, fill.Replace(text)))
	}
}

func keysText(f device.Firmware) string {
	line := "keys, the best first: " + strings.Join(f.Keys, ", ")
	if len(f.NotRecommendedKeys) > 0 {
		line += "; with --force " + strings.Join(f.NotRecommendedKeys, ", ")
	}
	if len(f.RootKeys) > 0 {
		line += "; the root's: " + strings.Join(f.RootKeys, ", ")
	}
	return line
}

func (a *app) printVersions(f device.Firmware) error {
	if !slices.ContainsFunc(f.Versions, func(v device.Version) bool { return len(v.Loads) > 0 }) {
		return nil
	}
	w := a.columns()
	fmt.Fprintln(w, "VERSIONS\tTLS\tDER KEYS\tPEM KEYS")
	for _, v := range f.Versions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Range, v.TLS, v.Containers("der"), v.Containers("pem"))
	}
	return w.Flush()
}

func (a *app) printCosts(d device.Device, f device.Firmware) error {
	if len(f.Costs) == 0 {
		return nil
	}
	w := a.columns()
	fmt.Fprintln(w, "KEY\tVERSION\tCURVE\tHEAP\tLISTENER\tTIME\tCERTIFICATE")
	for _, c := range f.Costs {
		seconds := device.Figures{Seconds: [2]float64{c.Seconds, c.Seconds}}.Time()
		size := "-"
		if c.CertificateBytes > 0 {
			size = terminal.Count(c.CertificateBytes, "byte")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Key, cmp.Or(c.Version(), "-"), cmp.Or(c.Curve, "-"),
			heapText(c.HeapBytes), heapText(c.HeapListenerBytes), seconds, size)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.sayWrapped("HEAP is the most memory that one connection's handshake holds; LISTENER the same if the listening socket is wrapped in TLS too." +
		" CURVE is that of the key exchange." + growthText(f.Growth))
	return nil
}

// printClientCosts prints what connections to servers cost.
func (a *app) printClientCosts(f device.Firmware) error {
	if len(f.ClientCosts) == 0 {
		return nil
	}
	a.say("as the client of a server that asks for its identity:")
	w := a.columns()
	fmt.Fprintln(w, "KEY\tVERSION\tSERVER'S KEY\tHEAP")
	for _, c := range f.ClientCosts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Key, cmp.Or(c.Version(), "-"), c.ServerKey, heapText(c.HeapBytes))
	}
	return w.Flush()
}

// growthText says what a larger certificate than the table's takes.
func growthText(g device.Growth) string {
	if g == (device.Growth{}) {
		return ""
	}
	return fmt.Sprintf(" A larger CERTIFICATE takes %s of heap more for each byte, and %d for each name after the first.", terminal.Count(g.HeapBytesPerByte, "byte"), g.HeapBytesPerName)
}

func heapText(bytes int) string { return device.Span([2]int{bytes, bytes}) }
