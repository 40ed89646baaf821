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
	subject subject // none for a key type alone
	own     string  // board that it was issued for
	cert    device.Certificate
	root    *x509.Certificate // nil for a key type alone
}

// fitJSON is the result of fit as --json prints it.
type fitJSON struct {
	Name             string    `json:"name,omitempty"`
	Key              string    `json:"key"`
	Board            string    `json:"board"`
	CertificateBytes int       `json:"certificate_bytes,omitempty"`
	Fits             bool      `json:"fits"`
	Verdict          verdict   `json:"verdict"`
	Reasons          []reason  `json:"reasons"`
	Firmware         []fitRow  `json:"firmware"`
	Smaller          []smaller `json:"smaller"`
}

// verdict sums up what a board makes of a certificate.
type verdict string

const (
	verdictFits   verdict = "fits"
	verdictUnwise verdict = "unwise" // it loads, and issue wants --force for it
	verdictMisfit verdict = "misfit"
)

var verdictTexts = map[verdict]string{
	verdictFits:   "Fits",
	verdictUnwise: "Loads, but is unwise for",
	verdictMisfit: "Does not fit",
}

// reason is one limit of a board that is exceeded.
type reason struct {
	Limit device.Limit `json:"limit"`
	Text  string       `json:"text"`
}

// fitRow is what one line of firmware does with the key; figures that nobody
// measured are left out.
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
	what, err := a.fittingOf(o)
	if err != nil {
		return err
	}
	board, err := device.Find(cmp.Or(o.board, what.own, "pico-w"))
	if err != nil {
		return err
	}
	running, err := running(board, o.firmware)
	if err != nil {
		return err
	}
	faults := misfitsOf(running, what)
	r := describeFit(running, what, faults)
	r.CertificateBytes = cmp.Or(what.cert.Bytes, bytesOf(board, r.Key))
	if err := a.tellFit(r, o.json, board); err != nil {
		return err
	}
	if len(faults) > 0 {
		return foundError{errors.Join(faults...)}
	}
	return nil
}

// fittingOf reads what the command line names; of a key type and a board that
// are both none, both are told.
func (a *app) fittingOf(o fitOptions) (fitting, error) {
	if o.name != "" {
		return a.issuedFitting(o)
	}
	key, keyErr := ca.ParseKeyType(o.key)
	_, boardErr := device.Find(cmp.Or(o.board, "pico-w"))
	return fitting{cert: device.Certificate{Key: string(key)}}, errors.Join(keyErr, boardErr)
}

// issuedFitting reads a device's newest certificate.
func (a *app) issuedFitting(o fitOptions) (_ fitting, err error) {
	s, err := a.openToRead()
	if err != nil {
		return fitting{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	who, about, err := findDevice(s, o.name)
	if err != nil {
		return fitting{}, err
	}
	bundle, err := (&exporting{subject: who}).load(s)
	if err != nil {
		return fitting{}, err
	}
	cert := device.Certificate{Key: about.Key, RootKey: keyOf(bundle.Root), Bytes: len(bundle.Leaf.Raw), Names: len(about.Names)}
	return fitting{who, about.Board, cert, bundle.Root}, nil
}

// running returns a board with the firmware that a release may be, with all of
// its firmware if none is named.
func running(board device.Board, release string) (device.Board, error) {
	if release == "" {
		return board, nil
	}
	r, err := device.ParseRelease(release)
	if err != nil {
		return device.Board{}, err
	}
	return board.Running(r)
}

// unfitError is a misfit of a certificate that is there: its hint is a command
// of its own.
type unfitError struct {
	*device.MisfitError
	hint string
}

func (e unfitError) Unwrap() error { return e.MisfitError }

// misfitsOf says why something does not fit a board. Without a certificate its
// root is not known, and any will do.
func misfitsOf(board device.Board, what fitting) []error {
	cert := what.cert
	if what.root == nil && len(board.RootKeys) > 0 {
		cert.RootKey = board.RootKeys[0]
	}
	err := board.Fits(cert, false)
	if err == nil {
		return nil
	}
	faults := flatten(err)
	if what.root == nil {
		return faults
	}
	ofRoot := slices.ContainsFunc(faults, func(err error) bool { return limitOf(err) == device.LimitRoot })
	for i, fault := range faults {
		e, ok := errors.AsType[*device.MisfitError](fault)
		switch {
		case !ok || e.Instead == "":
		case ofRoot: // no key helps under this root
			faults[i] = unfitError{e, hintOfRoot}
		default:
			faults[i] = unfitError{e, reissueCommand(board, what, e.Instead)}
		}
	}
	return faults
}

// reissueCommand issues a certificate with another key type in the place of one
// that is there.
func reissueCommand(board device.Board, what fitting, key string) string {
	command := renewCommandOf(what.subject)
	if board.ID != what.own {
		command += " --board " + board.ID
	}
	return command + " --key " + key
}

// limitOf returns the limit that a fault is about, "" if it is about none.
func limitOf(err error) device.Limit {
	if e, ok := errors.AsType[*device.MisfitError](err); ok {
		return e.Limit
	}
	return ""
}

func verdictOf(faults []error) verdict {
	switch {
	case len(faults) == 0:
		return verdictFits
	case slices.ContainsFunc(faults, func(err error) bool { return limitOf(err) != device.LimitUnwise }):
		return verdictMisfit
	}
	return verdictUnwise
}

func describeFit(board device.Board, what fitting, faults []error) fitJSON {
	cert, verdict := what.cert, verdictOf(faults)
	r := fitJSON{
		Name: what.subject.display, Key: cert.Key, Board: board.ID,
		Fits: verdict == verdictFits, Verdict: verdict, Reasons: []reason{}, Smaller: smallerThan(board, what),
	}
	for _, fault := range faults {
		r.Reasons = append(r.Reasons, reason{limitOf(fault), fault.Error()})
	}
	for _, row := range board.Firmware {
		formats := slices.Concat([]string{}, row.FormatsOf(cert.Key))
		r.Firmware = append(r.Firmware, fitRow{row.ID, row.Name, row.Versions, formats, board.FiguresOf(row, cert)})
	}
	return r
}

// smallerThan lists what would cost the board less.
func smallerThan(board device.Board, what fitting) []smaller {
	all := []smaller{}
	for _, other := range board.Keys {
		if saves := savings(board, what.cert.Key, other); saves != "" {
			all = append(all, smaller{"--key " + other, saves})
		}
	}
	best := string(ca.P256)
	if cost, ok := rootCosts[ca.KeyType(what.cert.RootKey)]; ok && (len(board.RootKeys) == 0 || slices.Contains(board.RootKeys, best)) {
		all = append(all, smaller{"a P-256 root", cost})
	}
	return all
}

// bytesOf is about how large a certificate with a key is.
func bytesOf(board device.Board, key string) int {
	most := 0
	for _, cost := range board.CostOf(device.Certificate{Key: key}) {
		most = max(most, cost.CertificateBytes)
	}
	return most
}

// savings tells what another key takes less, in the first firmware that was
// measured with both; "" if nothing that can be seen.
func savings(board device.Board, key, other string) string {
	for _, row := range board.Firmware {
		have, want := board.FiguresOf(row, device.Certificate{Key: key}), board.FiguresOf(row, device.Certificate{Key: other})
		var parts []string
		if heap := device.Kilobytes(have.HeapBytes[1] - want.HeapBytes[1]); want.HeapBytes[1] > 0 && isMore(heap) {
			parts = append(parts, heap+" less memory")
		}
		if seconds := device.Seconds(have.Seconds[1] - want.Seconds[1]); want.Seconds[1] > 0 && isMore(seconds) {
			parts = append(parts, seconds+" less")
		}
		if len(parts) > 0 {
			return strings.Join(parts, " and ") + " in " + row.Name
		}
	}
	return ""
}

// isMore reports whether a rounded figure is above zero.
func isMore(text string) bool {
	return !strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "0.0 ")
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
	a.say("%s. %s %s.", subject, verdictTexts[r.Verdict], board.Name)
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIRMWARE\tVERSIONS\tLOADS\tMEMORY\tTIME")
	for _, row := range r.Firmware {
		loads := cmp.Or(strings.Join(row.Formats, " "), "none")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.Name, row.Versions, loads, row.Heap(), row.Time())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Smaller {
		a.say("smaller: %s: %s", s.Change, s.Saves)
	}
	return nil
}
