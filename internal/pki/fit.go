package pki

import (
	"errors"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
)

// Verdict sums up what a device makes of a certificate.
type Verdict string

// The verdicts.
const (
	Fits           Verdict = "fits"
	NotRecommended Verdict = "not-recommended" // it loads, and issuing it needs --force
	Misfit         Verdict = "misfit"
)

// Fit is what a device makes of a certificate, or of a key type.
type Fit struct {
	Name    string // of the holder for people; empty for a key type
	Kind    Kind
	Key     ca.KeyType
	Target  device.Target
	Verdict Verdict
	// Faults are one error for each limit that is exceeded, with a hint.
	Faults []error
	// CertificateBytes are those of the certificate, or about as many as one with
	// the key has; 0 if that is not known.
	CertificateBytes int
	Rows             []FitRow
	Smaller          []Smaller
}

// FitRow is what one range of firmware versions does with the certificate;
// figures that were not measured are left out.
type FitRow struct {
	device.Row
	Formats []string
	device.Figures
	// ClientHeap is the memory that a connection to a server takes, with an identity
	// of the same key type: the least and the most.
	ClientHeap [2]int
}

// Smaller is something that would cost a device less.
type Smaller struct {
	Change string `json:"change"`
	Saves  string `json:"saves"`
}

// FitKey checks a key type against a device. Its root is not known, and any
// will do.
func FitKey(key ca.KeyType, target device.Target) Fit {
	cert := device.Certificate{Key: string(key)}
	if roots := target.RootKeys(); len(roots) > 0 {
		cert.RootKey = roots[0]
	}
	f := Fit{Key: key, Target: target}
	for _, one := range fault.Flatten(target.Fits(cert, false)) {
		f.Faults = append(f.Faults, insist(one, key, target))
	}
	f.fill(device.Certificate{Key: string(key)})
	f.CertificateBytes = bytesOf(target, string(key))
	return f
}

// insist gives the fault of a key that is not recommended the command that takes it
// all the same.
func insist(err error, key ca.KeyType, target device.Target) error {
	misfit, ok := errors.AsType[*device.MisfitError](err)
	if !ok || misfit.Limit != device.LimitNotRecommended {
		return err
	}
	command := fault.Command{"issue", "NAME", "--key", string(key), "--force"}
	if target.String() != DefaultDevice {
		command = append(command, "--for", target.String())
	}
	return fault.With(err, fault.Hintf("use --key %s, or insist: %s", misfit.Instead, command))
}

// FitDevice checks the newest certificate of a device or an identity against what
// loads it: that for which it was issued if target names nothing.
func (c *CA) FitDevice(name string, target device.Target) (Fit, error) {
	if name == TheCA {
		return Fit{}, &WrongKindError{name, CAItself, Device}
	}
	issued, err := c.Find(name)
	if err != nil {
		return Fit{}, err
	}
	if KindOf(issued) == Delegated {
		return Fit{}, &WrongKindError{name, Delegated, Device}
	}
	own, err := targetOf(issued)
	if err == nil && own.Device.ID == "" { // an identity for no device in particular
		own, err = device.ParseTarget(DefaultDevice)
	}
	if err != nil {
		return Fit{}, err
	}
	if target.Device.ID == "" {
		target = own
	}
	rootKey, err := ca.KeyTypeOf(issued.Root.Certificate.PublicKey)
	if err != nil {
		return Fit{}, err
	}
	cert := device.Certificate{
		Key: keyOf(issued), RootKey: string(rootKey), Bytes: len(issued.Leaf.Raw), Names: len(ca.NamesOf(issued.Leaf)),
	}
	f := Fit{Name: DisplayName(issued.Record.Name), Kind: KindOf(issued), Key: ca.KeyType(cert.Key), Target: target, CertificateBytes: cert.Bytes}
	for _, one := range fault.Flatten(target.Fits(cert, false)) {
		f.Faults = append(f.Faults, reissue(one, issued.Record.Name, target, own))
	}
	hintOfRoot(f.Faults)
	f.fill(cert)
	return f, nil
}

// reissue gives a misfit of a certificate that exists the command that replaces
// it.
func reissue(err error, name string, target, own device.Target) error {
	misfit, ok := errors.AsType[*device.MisfitError](err)
	if !ok || misfit.Instead == "" || misfit.Limit == device.LimitRoot {
		return err
	}
	command := fault.Command{"renew", name}
	if target.String() != own.String() {
		command = append(command, "--for", target.String())
	}
	return fault.With(err, fault.Run(append(command, "--key", misfit.Instead)...))
}

// hintOfRoot gives every fault the hint of that of the root, if there is one: no
// key helps under a root that the device does not take.
func hintOfRoot(faults []error) {
	i := slices.IndexFunc(faults, func(err error) bool { return LimitOf(err) == device.LimitRoot })
	if i < 0 {
		return
	}
	for j := range faults {
		faults[j] = fault.With(faults[j], fault.HintOf(faults[i]))
	}
}

// fill adds what follows from the certificate and the faults.
func (f *Fit) fill(cert device.Certificate) {
	f.Verdict = verdictOf(f.Faults)
	for _, row := range f.Target.Rows() {
		figures := f.Target.FiguresOf(row, cert)
		if f.Kind == Identity { // it serves nothing
			figures = device.Figures{}
		}
		f.Rows = append(f.Rows, FitRow{row, row.FormatsOf(cert.Key), figures, f.Target.ClientHeap(row, cert.Key)})
	}
	f.Smaller = f.smallerThan(cert)
}

// figuresOf returns what a key costs a row of the target, as what the certificate
// is for.
func (f *Fit) figuresOf(row device.Row, key string) device.Figures {
	if f.Kind == Identity {
		return device.Figures{HeapBytes: f.Target.ClientHeap(row, key)}
	}
	return f.Target.FiguresOf(row, device.Certificate{Key: key})
}

// LimitOf returns the limit that a fault is about, "" if it is about none.
func LimitOf(err error) device.Limit {
	if e, ok := errors.AsType[*device.MisfitError](err); ok {
		return e.Limit
	}
	return ""
}

func verdictOf(faults []error) Verdict {
	switch {
	case len(faults) == 0:
		return Fits
	case slices.ContainsFunc(faults, func(err error) bool { return LimitOf(err) != device.LimitNotRecommended }):
		return Misfit
	}
	return NotRecommended
}

// rootCosts are what a root other than P-256 costs the boards.
var rootCosts = map[ca.KeyType]string{
	ca.P384:    "a P-384 root adds about 35 bytes to each certificate, and boards verify it more slowly",
	ca.RSA2048: "an RSA-2048 root adds about 200 bytes to each certificate",
	ca.RSA3072: "an RSA-3072 root adds about 320 bytes to each certificate",
	ca.RSA4096: "an RSA-4096 root adds about 450 bytes to each certificate",
}

// RootCost says what a root's key type costs the boards, "" if nothing.
func RootCost(key ca.KeyType) string { return rootCosts[key] }

// smallerThan lists what would cost the device less.
func (f *Fit) smallerThan(cert device.Certificate) []Smaller {
	all := []Smaller{}
	for _, other := range f.Target.Keys() {
		if saves := f.savings(cert.Key, other); saves != "" {
			all = append(all, Smaller{"--key " + other, saves})
		}
	}
	roots := f.Target.RootKeys()
	if cost := RootCost(ca.KeyType(cert.RootKey)); cost != "" && (len(roots) == 0 || slices.Contains(roots, string(ca.P256))) {
		all = append(all, Smaller{"a P-256 root", cost})
	}
	return all
}

// bytesOf is about how large a certificate with a key is.
func bytesOf(target device.Target, key string) int {
	most := 0
	for _, cost := range target.CostOf(device.Certificate{Key: key}) {
		most = max(most, cost.CertificateBytes)
	}
	return most
}

// savings says how much less another key costs, in the first firmware that was
// measured with both; "" if nothing that can be seen.
func (f *Fit) savings(key, other string) string {
	for _, row := range f.Target.Rows() {
		got, want := f.figuresOf(row, key), f.figuresOf(row, other)
		var parts []string
		if heap := device.Kilobytes(got.HeapBytes[1] - want.HeapBytes[1]); want.HeapBytes[1] > 0 && isMore(heap) {
			parts = append(parts, heap+" less memory")
		}
		if seconds := device.Seconds(got.Seconds[1] - want.Seconds[1]); want.Seconds[1] > 0 && isMore(seconds) {
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
