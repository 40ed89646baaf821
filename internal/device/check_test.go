package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// parse reads a device's file and checks that what it says can be used: every
// name exists, every cost is of a key that it loads, every figure has a source.
func parse(data []byte) (Device, error) {
	var d Device
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Device{}, fmt.Errorf("device file: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return Device{}, fmt.Errorf("device file: more than one device in the file of %q", d.ID)
	}
	d.complete()
	if err := d.check(); err != nil {
		return Device{}, fmt.Errorf("device %q %w", d.ID, err)
	}
	return d, nil
}

// complete fills in what a file with a single firmware may leave out.
func (d *Device) complete() {
	if len(d.Firmware) == 1 && d.Firmware[0].ID == "" && d.Firmware[0].Name == "" {
		d.Firmware[0].ID, d.Firmware[0].Name = d.ID, d.Name
	}
	for i := range d.Firmware {
		if d.Firmware[i].Versions == nil {
			d.Firmware[i].Versions = []Version{{Range: "any"}}
		}
	}
}

func (d Device) check() error {
	switch {
	case strings.Trim(d.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return errors.New("has an id with more than lower-case letters, digits and hyphens")
	case d.ID == "" || d.Name == "":
		return errors.New("has no id or no name")
	case !slices.Contains(groups, d.Group):
		return fmt.Errorf("has the unknown group %q", d.Group)
	case len(d.Firmware) == 0:
		return errors.New("has no firmware")
	case len(d.Files) > 0 && len(d.Default) < 2:
		return errors.New("has files of its own and fewer than two default firmware")
	}
	var ids []string
	for _, f := range d.Firmware {
		ids = append(ids, f.ID)
		if err := f.check(); err != nil {
			return fmt.Errorf("has firmware %q %w", f.ID, err)
		}
	}
	if !once(ids) || !once(d.Default) {
		return errors.New("has firmware twice, or without an id")
	}
	for _, id := range d.Default {
		if !slices.Contains(ids, id) {
			return fmt.Errorf("has the default %q, which is none of its firmware", id)
		}
	}
	return checkFiles(d.Files)
}

func (f Firmware) check() error {
	switch {
	case f.ID == "" || f.Name == "":
		return errors.New("without an id or a name")
	case strings.ContainsAny(f.ID, "/@ "):
		return errors.New("whose id has a slash, an @ or a space")
	case len(f.Keys) == 0 || len(f.Files) == 0 || len(f.Uses) == 0 || len(f.Versions) == 0:
		return errors.New("without keys, files, uses or versions")
	case !once(slices.Concat(f.Keys, f.NotRecommendedKeys)) || !once(f.RootKeys):
		return errors.New("with a key type twice, or an empty one")
	case f.MaxCertificateBytes < 0 || !sourced(f.MaxCertificateBytes > 0, f.MaxCertificateSource):
		return errors.New("with max_certificate_bytes or a source for it, and not both")
	case f.Growth != Growth{} && !f.Growth.isSane():
		return errors.New("with a growth that is nothing or far too much, or no source for it")
	case f.Port < 0 || f.Port > 65535:
		return fmt.Errorf("with port %d", f.Port)
	case !slices.Contains([]string{"", "also", "only"}, f.CSR):
		return fmt.Errorf("with csr %q", f.CSR)
	case f.CRL != CRL{} && (f.CRL.Setting == "" || f.CRL.Source == ""):
		return errors.New("with a place for the CRL or a source for it, and not both")
	case len(f.Sources) == 0 || !once(f.Sources):
		return errors.New("without sources, or with an empty one")
	case f.Clock != Clock{} && !f.Clock.isSane():
		return errors.New("with a clock that is no date, or no source for it")
	}
	return errors.Join(f.checkUses(), f.checkVersions(), f.checkCosts(), checkFiles(f.Files), f.checkSteps())
}

func (g Growth) isSane() bool {
	least, most := min(g.HeapBytesPerByte, g.HeapBytesPerName), max(g.HeapBytesPerByte, g.HeapBytesPerName)
	return least > 0 && most < 1000 && isSource(g.Source)
}

func (c Clock) isSane() bool {
	_, err := time.Parse(time.DateOnly, c.PowerOn)
	return err == nil && c.Source != ""
}

// checkUses wants files for every use.
func (f Firmware) checkUses() error {
	for _, use := range f.Uses {
		if !slices.Contains(single, use) {
			return fmt.Errorf("with the unknown use %q", use)
		}
		if len(filesFor(f.Files, use)) == 0 {
			return fmt.Errorf("without files for use %q", use)
		}
	}
	return nil
}

func (f Firmware) checkVersions() error {
	for _, v := range f.Versions {
		_, _, ok := parseRange(v.Range)
		switch {
		case !ok:
			return fmt.Errorf("with versions %q, which is no range", v.Range)
		case !sourced(len(v.Loads) > 0, v.LoadsSource):
			return errors.New("with keys that it loads or a source for them, and not both")
		case v.Client != Client{} && !v.Client.isSane():
			return errors.New("with client behaviour that is neither yes nor no, or no source for it")
		}
	}
	return nil
}

func (c Client) isSane() bool {
	known := []string{"", "yes", "no"}
	return c.Source != "" && slices.Contains(known, c.MatchesAddresses) && slices.Contains(known, c.ChecksDates)
}

func (f Firmware) checkCosts() error {
	for _, cost := range f.Costs {
		if err := f.checkCost(cost); err != nil {
			return fmt.Errorf("with a cost of firmware %q with key type %q %w", cost.Firmware, cost.Key, err)
		}
	}
	for _, cost := range f.ClientCosts {
		as := Cost{Firmware: cost.Firmware, Key: cost.Key, HeapBytes: cost.HeapBytes, SizesSource: cost.SizesSource}
		if err := f.checkCost(as); err != nil {
			return fmt.Errorf("with a client's cost of firmware %q with key type %q %w", cost.Firmware, cost.Key, err)
		}
		if cost.ServerKey == "" {
			return fmt.Errorf("with a client's cost of firmware %q without the server's key type", cost.Firmware)
		}
	}
	return nil
}

// checkCost wants at least one figure, and a source for each.
func (f Firmware) checkCost(c Cost) error {
	release, err := ParseRelease(c.Firmware)
	switch {
	case !f.loads(c.Key):
		return errors.New("which it does not load")
	case err != nil || f.ID != release.ID:
		return errors.New("which is another firmware")
	case min(c.HeapBytes, c.HeapListenerBytes, c.CertificateBytes, c.MessageBytes) < 0 || c.Seconds < 0 || c.HeapBytes == 0 && c.Seconds == 0:
		return errors.New("that is nothing, or below zero")
	case !sourced(c.HeapBytes > 0, c.SizesSource) || !sourced(c.Seconds > 0, c.SecondsSource):
		return errors.New("with a figure or a source, and not both")
	}
	return nil
}

func checkFiles(all []File) error {
	for _, file := range all {
		if err := file.check(); err != nil {
			return fmt.Errorf("with file %q %w", file.Name, err)
		}
	}
	return nil
}

func (f File) check() error {
	bare := strings.ReplaceAll(f.Name, "{stem}", "x")
	switch {
	case bare == "" || path.Base(bare) != bare || strings.ContainsAny(bare, `{}\`) || bare[0] == '.':
		return errors.New("whose name is no base name")
	case f.Container == "" || len(f.Parts) == 0 || !once(f.Parts):
		return errors.New("without a container or parts, or with a part twice")
	case slices.ContainsFunc(f.Parts, func(p string) bool { return !slices.Contains(parts, p) }):
		return fmt.Errorf("with a part that is none of %s", strings.Join(parts, ", "))
	case slices.ContainsFunc(f.For, func(u Use) bool { return !slices.Contains(single, u) }):
		return errors.New("for an unknown use")
	case !slices.Contains([]string{"", "traditional", "pkcs8"}, f.Key) || (f.Key != "") != f.needsKeyForm():
		return errors.New("with a key and no form for it, or a form and no key")
	case !slices.Contains([]string{"", "der", "pem"}, f.Form):
		return fmt.Errorf("with form %q", f.Form)
	case f.MaxBytes < 0 || (f.MaxBytes > 0) != (f.MaxSource != ""):
		return errors.New("with max_bytes or a source for it, and not both")
	case f.Password != Password{} && !f.NeedsPassphrase():
		return errors.New("with a password, and nothing that one encrypts")
	}
	return nil
}

func (f Firmware) checkSteps() error {
	for _, step := range f.Steps {
		if (step.Run == "") == (step.Do == "") {
			return errors.New("with a step that has both a command and words, or neither")
		}
		if slices.ContainsFunc(step.For, func(u Use) bool { return !slices.Contains(f.Uses, u) }) {
			return errors.New("with a step for a use that it does not have")
		}
	}
	return nil
}

// isSource reports whether a text says how sure a figure is.
func isSource(text string) bool {
	return slices.ContainsFunc([]string{"measured", "reported by users", "estimated: ", "read in "}, func(kind string) bool {
		return strings.HasPrefix(text, kind)
	})
}

// sourced reports whether a figure has a source, or neither exists.
func sourced(figure bool, source string) bool {
	return figure && isSource(source) || !figure && source == ""
}

// once reports whether none of names is empty or occurs twice.
func once(names []string) bool {
	seen := map[string]bool{"": true}
	for _, name := range names {
		if seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}
