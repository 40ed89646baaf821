package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

type fitOptions struct {
	name      string
	key       string
	forDevice string
}

func (a *app) fitCommand() *cobra.Command {
	var o fitOptions
	cmd := &cobra.Command{
		Use: "fit NAME | --key TYPE",
		Long: `Shows how a certificate fits a device: its size, how much memory and time a
connection takes, which firmware loads the files, and what would be smaller.
Works for an existing certificate of a device or an identity, or for a key type.`,
		Example: `  picoca fit pico.local
  picoca fit pico.local --for esp32
  picoca fit --key rsa-2048 --for pico-w/circuitpython@10`,
		Args: func(cmd *cobra.Command, given []string) error {
			if o.key != "" {
				return args(0, 0, "")(cmd, given)
			}
			return filled(1, 1, "a device's name, or --key TYPE")(cmd, given)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o.name = strings.Join(args, "")
			return a.runFit(o)
		},
	}
	addFor(cmd, &o.forDevice, "as issued, or pico-w")
	cmd.Flags().StringVar(&o.key, "key", "", "`TYPE` of the key: p256, p384, rsa-2048, rsa-3072 or rsa-4096")
	a.addJSON(cmd)
	return cmd
}

func (a *app) runFit(o fitOptions) error {
	f, err := a.fit(o)
	if err != nil {
		return err
	}
	if err := a.printFit(f); err != nil {
		return err
	}
	for i, one := range f.Faults {
		f.Faults[i] = fault.WithCode(one, fault.Found)
	}
	return errors.Join(f.Faults...)
}

// fit checks what the command line names against the device.
func (a *app) fit(o fitOptions) (f pki.Fit, err error) {
	var target device.Target
	var targetErr, keyErr error
	if o.forDevice != "" || o.name == "" {
		target, targetErr = device.ParseTarget(cmp.Or(o.forDevice, pki.DefaultDevice))
	}
	if o.name == "" {
		var key ca.KeyType
		if key, keyErr = ca.ParseKeyType(o.key); errors.Join(keyErr, targetErr) == nil {
			return pki.FitKey(key, target), nil
		}
	}
	if err := errors.Join(keyErr, targetErr); err != nil {
		return pki.Fit{}, err
	}
	err = a.with(func(c *pki.CA) (err error) {
		f, err = c.FitDevice(o.name, target)
		return err
	})
	return f, err
}

// fitJSON is the result of fit as --json prints it.
type fitJSON struct {
	Name             string        `json:"name,omitempty"`
	Key              string        `json:"key"`
	For              string        `json:"for"`
	CertificateBytes int           `json:"certificate_bytes,omitempty"`
	Fits             bool          `json:"fits"`
	Verdict          pki.Verdict   `json:"verdict"`
	Reasons          []reasonJSON  `json:"reasons"`
	Firmware         []fitRowJSON  `json:"firmware"`
	Smaller          []pki.Smaller `json:"smaller"`
}

// reasonJSON is one limit of a device that is exceeded.
type reasonJSON struct {
	Limit device.Limit `json:"limit"`
	Text  string       `json:"text"`
}

// fitRowJSON is what one range of firmware versions does with the key; figures
// that were not measured are left out.
type fitRowJSON struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Versions string   `json:"versions"`
	Formats  []string `json:"formats"`
	device.Figures
	// ClientHeapBytes is the memory of a connection to a server.
	ClientHeapBytes [2]int `json:"client_heap_bytes,omitzero"`
}

func (r fitRowJSON) isClient() bool { return r.ClientHeapBytes[1] > 0 }

var verdictTexts = map[pki.Verdict]string{
	pki.Fits:           "Fits",
	pki.NotRecommended: "Not recommended for",
	pki.Misfit:         "Does not fit",
}

func describeFit(f pki.Fit) fitJSON {
	r := fitJSON{
		Name: f.Name, Key: string(f.Key), For: f.Target.String(), CertificateBytes: f.CertificateBytes,
		Fits: f.Verdict == pki.Fits, Verdict: f.Verdict, Reasons: each(f.Faults, func(err error) reasonJSON { return reasonJSON{pki.LimitOf(err), err.Error()} }), Smaller: f.Smaller,
	}
	for _, row := range f.Rows {
		r.Firmware = append(r.Firmware, fitRowJSON{row.ID, row.Name, row.Range, append([]string{}, row.Formats...), row.Figures, row.ClientHeap})
	}
	return r
}

func (a *app) printFit(f pki.Fit) error {
	r := describeFit(f)
	if a.json {
		return a.printJSON(r)
	}
	what := f.Key.String()
	if r.Name != "" {
		what = r.Name + ": " + what
	}
	if r.CertificateBytes > 0 {
		what += ", certificate of " + terminal.Count(r.CertificateBytes, "byte")
	}
	a.say("%s. %s %s.", what, verdictTexts[r.Verdict], f.Target.Name())
	w := a.columns()
	heading, asClient := "FIRMWARE\tVERSIONS\tLOADS\tMEMORY\tTIME", slices.ContainsFunc(r.Firmware, fitRowJSON.isClient)
	if asClient {
		heading += "\tAS A CLIENT"
	}
	fmt.Fprintln(w, heading)
	for _, row := range r.Firmware {
		loads := cmp.Or(strings.Join(row.Formats, " "), "none")
		if !f.Target.Device.IsBoard() {
			loads = "see picoca devices " + f.Target.Device.ID
		}
		line := []string{row.Name, row.Versions, loads, row.Heap(), row.Time()}
		if asClient {
			line = append(line, device.Span(row.ClientHeapBytes))
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Smaller {
		a.say("smaller: %s: %s", s.Change, s.Saves)
	}
	return nil
}
