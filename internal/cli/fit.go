package cli

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
)

type fitOptions struct {
	name     string
	key      string
	board    string
	firmware string
	json     bool
}

func (a *app) fitCommand() *cobra.Command {
	var o fitOptions
	cmd := &cobra.Command{
		Use:   "fit NAME | --key TYPE",
		Short: "Tell whether a certificate fits a board, and what it costs there",
		Long: `Tells what a board will hold: the bytes of the certificate, the memory and the
time that a connection takes, which firmware loads its files, and what would be
smaller. For a certificate that is there, or for a key type before one is.`,
		Example: `  picoca fit pico.local
  picoca fit pico.local --board esp32
  picoca fit --key rsa-2048 --firmware circuitpython@10`,
		Args: atMost(1, "a device's name, or --key TYPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (o.key != "") {
				return usageError{errNameOrKey, cmd.CommandPath()}
			}
			o.name = strings.Join(args, "")
			return a.runFit(o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.key, "key", "", "key type: p256, p384, rsa-2048, rsa-3072, rsa-4096")
	f.StringVar(&o.board, "board", "", "board: see picoca boards (default: the certificate's, or pico-w)")
	f.StringVar(&o.firmware, "firmware", "", "firmware of the board, as micropython or circuitpython@10 (default: all of them)")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

var errNameOrKey = errors.New("arguments: want either a device's name or --key TYPE")

// fitting is what is held against a board: a certificate, or a key type.
type fitting struct {
	name string // "" for a key type alone
	cert device.Certificate
	root *x509.Certificate // nil for a key type alone
}

// fitJSON is the result of fit as --json prints it.
type fitJSON struct {
	Name             string    `json:"name,omitempty"`
	Key              string    `json:"key"`
	Board            string    `json:"board"`
	CertificateBytes int       `json:"certificate_bytes,omitempty"`
	Fits             bool      `json:"fits"`
	Firmware         []fitRow  `json:"firmware"`
	Smaller          []smaller `json:"smaller"`
}

// fitRow is what one line of firmware does with the key.
type fitRow struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Versions string   `json:"versions"`
	Formats  []string `json:"formats"`
	device.Figures
}

// smaller is something that would cost a board less.
type smaller struct {
	Change string `json:"change"`
	Saves  string `json:"saves"`
}

func (a *app) runFit(o fitOptions) error {
	what, boardID := fitting{cert: device.Certificate{Key: o.key}}, o.board
	if o.name != "" {
		var err error
		if what, boardID, err = a.issuedFitting(o); err != nil {
			return err
		}
	}
	_, keyErr := ca.ParseKeyType(what.cert.Key)
	board, boardErr := device.Find(cmp.Or(boardID, "pico-w"))
	if err := errors.Join(keyErr, boardErr); err != nil {
		return err
	}
	rows, err := rowsOf(board, o.firmware)
	if err != nil {
		return err
	}
	misfit := misfitOf(board, what)
	if err := a.tellFit(describeFit(board, rows, what, misfit == nil), o.json, board); err != nil {
		return err
	}
	if misfit != nil {
		return foundError{misfit}
	}
	return nil
}

// issuedFitting reads a device's newest certificate, and which board it is for.
func (a *app) issuedFitting(o fitOptions) (_ fitting, board string, err error) {
	s, err := a.openToRead()
	if err != nil {
		return fitting{}, "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	who, about, err := findDevice(s, o.name)
	if err != nil {
		return fitting{}, "", err
	}
	bundle, err := (&exporting{subject: who}).load(s)
	if err != nil {
		return fitting{}, "", err
	}
	cert := device.Certificate{Key: about.Key, RootKey: keyOf(bundle.Root), Bytes: len(bundle.Leaf.Raw)}
	return fitting{who.display, cert, bundle.Root}, cmp.Or(o.board, about.Board), nil
}

// misfitOf says why something does not fit a board. Without a certificate its
// root is not known, and any will do.
func misfitOf(board device.Board, what fitting) error {
	cert := what.cert
	if what.root == nil && len(board.RootKeys) > 0 {
		cert.RootKey = board.RootKeys[0]
	}
	return board.Fits(cert, false)
}

// rowsOf returns the rows of a board's firmware, all of them without a release.
func rowsOf(board device.Board, release string) ([]device.Firmware, error) {
	if release == "" {
		return board.Firmware, nil
	}
	r, err := device.ParseRelease(release)
	if err != nil {
		return nil, err
	}
	return board.Covering(r)
}

func describeFit(board device.Board, rows []device.Firmware, what fitting, fits bool) fitJSON {
	key := what.cert.Key
	size := cmp.Or(what.cert.Bytes, bytesOf(board, key))
	r := fitJSON{Name: what.name, Key: key, Board: board.ID, CertificateBytes: size, Fits: fits, Smaller: []smaller{}}
	for _, row := range rows {
		formats := slices.Concat([]string{}, row.FormatsOf(key))
		r.Firmware = append(r.Firmware, fitRow{row.ID, row.Name, row.Versions, formats, board.FiguresOf(row, key)})
	}
	for _, other := range board.Keys {
		if saves := savings(board, rows, key, other); saves != "" {
			r.Smaller = append(r.Smaller, smaller{"--key " + other, saves})
		}
	}
	if what.root != nil {
		if cost, ok := rootCosts[ca.KeyType(what.cert.RootKey)]; ok {
			r.Smaller = append(r.Smaller, smaller{"a P-256 root", cost})
		}
	}
	return r
}

// bytesOf is about how large a certificate with a key is.
func bytesOf(board device.Board, key string) int {
	most := 0
	for _, cost := range board.CostOf(key) {
		most = max(most, cost.CertificateBytes)
	}
	return most
}

// savings tells what another key takes less, in the first firmware that was
// measured with both; "" if nothing.
func savings(board device.Board, rows []device.Firmware, key, other string) string {
	for _, row := range rows {
		have, want := board.FiguresOf(row, key), board.FiguresOf(row, other)
		heap, seconds := have.HeapBytes[1]-want.HeapBytes[1], have.Seconds[1]-want.Seconds[1]
		if want.HeapBytes[1] == 0 || heap <= 0 {
			continue
		}
		text := fmt.Sprintf("%.1f KB less memory", float64(heap)/1000)
		if want.Seconds[1] > 0 && seconds > 0 {
			text += " and " + device.Seconds(seconds) + " less"
		}
		return text + " in " + row.Name
	}
	return ""
}

func (a *app) tellFit(r fitJSON, asJSON bool, board device.Board) error {
	if asJSON {
		return a.printJSON(r)
	}
	subject := keyTitle(r.Key)
	if r.Name != "" {
		subject = r.Name + ": " + subject
	}
	if r.CertificateBytes > 0 {
		subject += ", a certificate of " + bytesText(r.CertificateBytes)
	}
	verdict := "Fits"
	if !r.Fits {
		verdict = "Does not fit"
	}
	a.say("%s. %s %s.", subject, verdict, board.Name)
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIRMWARE\tVERSIONS\tLOADS\tMEMORY\tTIME")
	for _, row := range r.Firmware {
		loads := cmp.Or(strings.Join(row.Formats, " "), "none")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.Name, row.Versions, loads, heapSpan(row.HeapBytes), secondsSpan(row.Seconds))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Smaller {
		a.say("smaller: %s: %s", s.Change, s.Saves)
	}
	return nil
}

func heapSpan(span [2]int) string {
	kb := func(n int) string { return fmt.Sprintf("%.1f", float64(n)/1000) }
	switch {
	case span[1] == 0:
		return "-"
	case kb(span[0]) == kb(span[1]):
		return kb(span[1]) + " KB"
	}
	return kb(span[0]) + " - " + kb(span[1]) + " KB"
}

func secondsSpan(span [2]float64) string {
	switch {
	case span[1] == 0:
		return "-"
	case device.Seconds(span[0]) == device.Seconds(span[1]):
		return device.Seconds(span[1])
	}
	return strings.TrimSuffix(device.Seconds(span[0]), " s") + " - " + device.Seconds(span[1])
}
