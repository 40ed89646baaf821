package device

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Target is a device with the firmware and versions that certificates are made
// for: those that the user named, or the device's default.
type Target struct {
	Device Device
	// Firmware are the selected ones, with only the versions and costs that were
	// selected. There is at least one, with at least one version.
	Firmware []Firmware
	text     string
}

// ParseTarget reads DEVICE, DEVICE/FIRMWARE or DEVICE/FIRMWARE@VERSION. It
// fails with a TargetError, an UnknownDeviceError, an UnknownFirmwareError, or a
// FirmwareNeededError.
func ParseTarget(text string) (Target, error) {
	id, release, given := strings.Cut(text, "/")
	if id == "" || given && release == "" || strings.Contains(id, "@") {
		return Target{}, TargetError{text}
	}
	d, err := Find(id)
	if err != nil {
		return Target{}, err
	}
	if !given {
		return d.defaultTarget()
	}
	r, err := ParseRelease(release)
	if err != nil {
		return Target{}, TargetError{text}
	}
	return d.running(r)
}

// String returns the target as ParseTarget reads it.
func (t Target) String() string { return t.text }

// named reports whether the target names a firmware.
func (t *Target) named() bool { return t.text != t.Device.ID }

// Name returns what people call the target: the device, with its firmware if
// the user chose one of several.
func (t *Target) Name() string {
	if t.named() && len(t.Device.Firmware) > 1 {
		return t.Device.Name + " with " + t.Firmware[0].Name
	}
	return t.Device.Name
}

func (d Device) defaultTarget() (Target, error) {
	if len(d.Firmware) == 1 {
		return Target{d, d.Firmware, d.ID}, nil
	}
	if len(d.Default) == 0 {
		return Target{}, FirmwareNeededError{d}
	}
	t := Target{Device: d, text: d.ID}
	for _, id := range d.Default {
		firmware, _ := d.find(id) // check has found them all
		t.Firmware = append(t.Firmware, firmware)
	}
	return t, nil
}

// running returns the target that runs a release.
func (d Device) running(r Release) (Target, error) {
	firmware, ok := d.find(r.ID)
	if ok {
		firmware = firmware.narrow(r)
	}
	if len(firmware.Versions) == 0 {
		return Target{}, UnknownFirmwareError{d, r.String()}
	}
	return Target{d, []Firmware{firmware}, d.ID + "/" + r.String()}, nil
}

// narrow returns the firmware with only the versions that a release may be,
// and their costs.
func (f Firmware) narrow(r Release) Firmware {
	whole := f
	f.Versions, f.Costs, f.ClientCosts = nil, nil, nil
	for _, v := range whole.Versions {
		if v.Covers(r) {
			f.Versions = append(f.Versions, v)
		}
	}
	runs := func(release string) bool {
		return slices.ContainsFunc(f.Rows(), func(row Row) bool { return row.has(release) })
	}
	for _, cost := range whole.Costs {
		if runs(cost.Firmware) {
			f.Costs = append(f.Costs, cost)
		}
	}
	for _, cost := range whole.ClientCosts {
		if runs(cost.Firmware) {
			f.ClientCosts = append(f.ClientCosts, cost)
		}
	}
	return f
}

// Row is a range of versions of a selected firmware.
type Row struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Version
}

// String returns the row's name and versions for people.
func (r Row) String() string {
	if r.Range == "any" {
		return r.Name
	}
	return r.Name + " " + r.Range
}

// has reports whether the release that a cost names is one of the row's.
func (r Row) has(firmware string) bool {
	if id, _, _ := strings.Cut(firmware, "@"); id != r.ID {
		return false
	}
	release, err := ParseRelease(firmware)
	return err == nil && r.Covers(release)
}

// Rows returns the firmware's versions, each with its name.
func (f *Firmware) Rows() []Row {
	rows := make([]Row, len(f.Versions))
	for i, v := range f.Versions {
		rows[i] = Row{f.ID, f.Name, v}
	}
	return rows
}

// Rows returns every range of versions of the selected firmware.
func (t *Target) Rows() []Row {
	var rows []Row
	for _, f := range t.Firmware {
		rows = append(rows, f.Rows()...)
	}
	return rows
}

// Keys returns the recommended key types that all selected firmware loads, the
// best one first.
func (t *Target) Keys() []string { return t.common(func(f Firmware) []string { return f.Keys }) }

// NotRecommendedKeys returns the key types that all selected firmware loads, but that
// are not worth their cost in at least one.
func (t *Target) NotRecommendedKeys() []string {
	recommended := t.Keys()
	all := t.common(func(f Firmware) []string { return slices.Concat(f.Keys, f.NotRecommendedKeys) })
	return slices.DeleteFunc(all, func(key string) bool { return slices.Contains(recommended, key) })
}

// NotRecommended reports whether a key type loads and is not worth its cost: the
// user must insist.
func (t *Target) NotRecommended(key string) bool { return slices.Contains(t.NotRecommendedKeys(), key) }

// RootKeys returns the key types of which a root must have one for its leaves
// to load in all selected firmware; nil means any.
func (t *Target) RootKeys() []string {
	var roots []string
	for _, f := range t.Firmware {
		switch {
		case len(f.RootKeys) == 0:
		case roots == nil:
			roots = slices.Clone(f.RootKeys)
		default:
			roots = slices.DeleteFunc(roots, func(key string) bool { return !slices.Contains(f.RootKeys, key) })
		}
	}
	return roots
}

// Uses returns what a certificate can be for in all selected firmware.
func (t *Target) Uses() []Use {
	uses := slices.Clone(t.Firmware[0].Uses)
	for _, f := range t.Firmware[1:] {
		uses = slices.DeleteFunc(uses, func(use Use) bool { return !slices.Contains(f.Uses, use) })
	}
	return uses
}

// common returns what a list has in all selected firmware, in the order of the
// first.
func (t *Target) common(list func(Firmware) []string) []string {
	all := slices.Clone(list(t.Firmware[0]))
	for _, f := range t.Firmware[1:] {
		other := list(f)
		all = slices.DeleteFunc(all, func(key string) bool { return !slices.Contains(other, key) })
	}
	return all
}

// MaxCertificateBytes returns the most DER that all selected firmware can
// serve, with the source of that figure; 0 if no limit is known.
func (t *Target) MaxCertificateBytes() (most int, source string) {
	for _, f := range t.Firmware {
		if f.MaxCertificateBytes > 0 && (most == 0 || f.MaxCertificateBytes < most) {
			most, source = f.MaxCertificateBytes, f.MaxCertificateSource
		}
	}
	return most, source
}

// Clock returns what the clock of the selected firmware shows at power-on, the
// earliest if they differ; zero if none is known.
func (t *Target) Clock() Clock {
	var earliest Clock
	for _, f := range t.Firmware {
		if f.Clock.PowerOn != "" && (earliest.PowerOn == "" || f.Clock.PowerOn < earliest.PowerOn) {
			earliest = f.Clock
		}
	}
	return earliest
}

// ChecksDates reports whether any of the selected firmware is known to check
// the dates of certificates when it is the client.
func (t *Target) ChecksDates() bool {
	return slices.ContainsFunc(t.Rows(), func(row Row) bool { return row.Client.ChecksDates == "yes" })
}

// DateChecks says what the selected firmware, as a client, does with the dates of
// certificates: whether all of it is known to check none, and whether any checks
// those of a root. BearSSL does not: its trust anchors are a name and a key
// (bearssl_x509.h, br_x509_trust_anchor).
func (t *Target) DateChecks() (none, roots bool) {
	none = true
	for i := range t.Firmware {
		for j := range t.Firmware[i].Versions {
			v := &t.Firmware[i].Versions[j]
			none = none && v.Client.ChecksDates == "no"
			roots = roots || v.TLS != "BearSSL"
		}
	}
	return none, roots
}

// IgnoresAddresses returns the rows of the selected firmware that, as clients,
// never find an address in a server's certificate: they need its name.
func (t *Target) IgnoresAddresses() []Row {
	return slices.DeleteFunc(t.Rows(), func(row Row) bool { return row.Client.MatchesAddresses != "no" })
}

// IsTested reports whether a test runs each of the selected firmware, or its
// TLS.
func (t *Target) IsTested() bool {
	return !slices.ContainsFunc(t.Firmware, func(f Firmware) bool { return f.Tested == "" })
}

// FirmwareName returns the name for people of a firmware that a cost names,
// "MicroPython" for "micropython@1.28".
func (d *Device) FirmwareName(id string) string {
	id, _, _ = strings.Cut(id, "@")
	if firmware, ok := d.find(id); ok {
		return firmware.Name
	}
	return id
}

// TargetError says that Input does not name a device with its firmware.
type TargetError struct{ Input string }

func (e TargetError) Error() string {
	return fmt.Sprintf("target %q is not of the form DEVICE, DEVICE/FIRMWARE or DEVICE/FIRMWARE@VERSION", e.Input)
}

// Hint gives examples.
func (e TargetError) Hint() fault.Hint {
	return fault.Hintf("write it like pico-w, pico-w/circuitpython or pico-w/circuitpython@10; %s lists the devices", fault.Command{"devices"})
}

// ExitCode is that of a wrong command line.
func (e TargetError) ExitCode() int { return fault.Usage }

// UnknownDeviceError says that Input is not a device's ID.
type UnknownDeviceError struct{ Input string }

func (e UnknownDeviceError) Error() string { return fmt.Sprintf("device %q is unknown", e.Input) }

// Hint suggests the nearest device, or those that run a firmware of that name.
func (e UnknownDeviceError) Hint() fault.Hint {
	if runs := running(e.Input); len(runs) > 0 {
		return fault.Hintf("%s is firmware: use %s", e.Input, orList(runs))
	}
	if near := Nearest(e.Input); near != "" {
		return fault.Hintf("did you mean %s? %s lists all devices", near, fault.Command{"devices"})
	}
	return fault.Hintf("%s lists the devices; computer stands for any other server", fault.Command{"devices"})
}

// ExitCode is that of a wrong command line.
func (e UnknownDeviceError) ExitCode() int { return fault.Usage }

// running returns the targets with a firmware of some ID.
func running(firmware string) []string {
	var targets []string
	for _, d := range All() {
		if _, ok := d.find(firmware); ok && firmware != d.ID {
			targets = append(targets, d.ID+"/"+firmware)
		}
	}
	return targets
}

// orList writes "a, b or c".
func orList(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// UnknownFirmwareError says that a device's file has no such firmware, or not
// that version of it.
type UnknownFirmwareError struct {
	Device Device
	Input  string
}

func (e UnknownFirmwareError) Error() string {
	return fmt.Sprintf("firmware %q is not known for %s", e.Input, e.Device.Name)
}

// Known lists the firmware and versions that the device's file has.
func (e UnknownFirmwareError) Known() []string {
	var known []string
	for _, f := range e.Device.Firmware {
		for _, v := range f.Versions {
			known = append(known, strings.TrimSuffix(f.ID+" "+v.Range, " any"))
		}
	}
	return known
}

// Hint lists what is known.
func (e UnknownFirmwareError) Hint() fault.Hint {
	if _, err := e.Device.defaultTarget(); err != nil {
		return fault.Hintf("choose one of %s", strings.Join(e.Known(), ", "))
	}
	return fault.Hintf("choose one of %s; or --for %s for its usual files", strings.Join(e.Known(), ", "), e.Device.ID)
}

// ExitCode is that of a wrong command line.
func (e UnknownFirmwareError) ExitCode() int { return fault.Usage }

// FirmwareNeededError says that a device runs several firmware that load no
// files in common, so that the user must name one.
type FirmwareNeededError struct{ Device Device }

func (e FirmwareNeededError) Error() string {
	return fmt.Sprintf("device %q runs several kinds of firmware, and each needs files of its own", e.Device.ID)
}

// Hint lists the firmware.
func (e FirmwareNeededError) Hint() fault.Hint {
	var targets []string
	for _, f := range e.Device.Firmware {
		targets = append(targets, e.Device.ID+"/"+f.ID)
	}
	return fault.Hintf("name its firmware: --for %s", orList(targets))
}

// ExitCode is that of a wrong command line.
func (e FirmwareNeededError) ExitCode() int { return fault.Usage }

// CanBe reports whether the target may run a version of a firmware, or a later
// one: "1.22" is met by a target that names no version, or 1, or 1.30.
func (t *Target) CanBe(firmware, version string) bool {
	_, release, _ := strings.Cut(t.text, "/")
	r, err := ParseRelease(release)
	if err != nil || r.ID != firmware { // no version was named
		return slices.ContainsFunc(t.Firmware, func(f Firmware) bool { return f.ID == firmware })
	}
	first, ok := parseVersion(version)
	return ok && compareBegin(r.version, first) >= 0
}
