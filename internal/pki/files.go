package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// identityFormats are the files of an identity that is for no particular device:
// one for every phone and computer, and one that installs in one step on
// Apple's.
var identityFormats = []string{"p12", "mobileconfig"}

// specsOf returns the files of a format for a kind of holder, nil if it has no
// such form.
func specsOf(format export.Format, kind Kind) []export.Spec {
	switch kind {
	case CAItself:
		return format.CA
	case Identity:
		return format.Client
	}
	return format.Device
}

// useOf is what a device does with the certificate of a kind of holder.
func useOf(kind ca.Kind) device.Use {
	switch kind {
	case ca.KindClient:
		return device.UseClient
	case ca.KindBoth:
		return device.UseBoth
	}
	return device.UseServer
}

// fileSet are the files of a certificate: those that a device loads, or, without
// files of a device, those of formats.
type fileSet struct {
	specs []export.Spec
	files []device.File // parallel to specs, with the device's limits, or nil
	// instead reports whether these stand for files of the device that would hold
	// the key.
	instead bool
}

// isDevices reports whether the files are the device's own.
func (s fileSet) isDevices() bool { return s.files != nil && !s.instead }

// filesFor returns the files that a device loads, or those of an identity that is
// for no particular device. Without a key they hold none.
func filesFor(target device.Target, key ca.KeyType, kind ca.Kind, keyless bool) (fileSet, error) {
	if target.Device.ID == "" {
		specs, err := formatSpecs(identityFormats, Identity)
		if keyless {
			return fileSet{specs: keylessSpecs, instead: true}, err
		}
		return fileSet{specs: specs}, err
	}
	files, err := target.Files(string(key), useOf(kind))
	if err != nil {
		return fileSet{}, err
	}
	set := fileSet{files: []device.File{}} // not nil: they are a device's
	for _, file := range files {
		set.add(file)
	}
	if keyless {
		return set.withoutKey(), nil
	}
	return set, nil
}

// keylessSpecs are the files of a certificate whose device keeps the key: it asks
// for the certificate, for a chain, or for the CA.
var keylessSpecs = []export.Spec{
	{Name: "cert.pem", Container: "pem", Parts: []string{string(export.Leaf)}},
	{Name: "fullchain.pem", Container: "pem", Parts: []string{string(export.Leaf), string(export.CA)}},
	{Name: "picoca-root.pem", Container: "pem", Parts: []string{string(export.CA)}},
}

// withoutKey leaves out what holds a key, and adds a chain and the CA where they
// are missing. A device whose only file has the key in it gets the usual ones.
func (s fileSet) withoutKey() fileSet {
	kept := fileSet{instead: true}
	for _, file := range s.files {
		if !file.Has(string(export.Key)) {
			kept.add(file)
			kept.instead = kept.instead && !file.Has(string(export.Leaf))
		}
	}
	for _, spec := range keylessSpecs {
		if !kept.holds(spec) {
			kept.add(device.File{Content: device.Content(spec)})
		}
	}
	return kept
}

func (s *fileSet) add(file device.File) {
	s.files, s.specs = append(s.files, file), append(s.specs, export.Spec(file.Content))
}

// holds reports whether a file of that name, or with the same parts, is in the
// set.
func (s *fileSet) holds(spec export.Spec) bool {
	for i := range s.specs {
		if s.specs[i].Name == spec.Name || slices.Equal(s.specs[i].Parts, spec.Parts) {
			return true
		}
	}
	return false
}

// names are those of the files of a holder.
func (s fileSet) names(stem string) []string {
	names := make([]string, len(s.specs))
	for i, spec := range s.specs {
		names[i] = strings.ReplaceAll(spec.Name, "{stem}", stem)
	}
	return names
}

// needsPassphrase reports whether the user needs a passphrase for a .p12.
func (s fileSet) needsPassphrase() bool {
	return s.fixedPassword() == "" && slices.ContainsFunc(s.specs, export.Spec.NeedsPassphrase)
}

// p12HasRoot reports whether a .p12 with a key holds the root too.
func (s *fileSet) p12HasRoot() bool {
	return slices.ContainsFunc(s.specs, func(spec export.Spec) bool {
		return spec.Container == "p12" && spec.Has(export.Key) && spec.Has(export.CA)
	})
}

// fixedPassword is what the device itself uses to open its .p12, "" if the choice
// is the user's.
func (s fileSet) fixedPassword() string {
	for _, file := range s.files {
		if file.Password.Fixed != "" {
			return file.Password.Fixed
		}
	}
	return ""
}

// render renders the files. It fails with a device.SizeError if the device does
// not take one.
func (s fileSet) render(bundle export.Bundle) ([]export.File, error) {
	if fixed := s.fixedPassword(); fixed != "" {
		bundle.P12.Passphrase = fixed
	}
	rendered, err := export.Render(bundle, s.specs...)
	if err != nil {
		return nil, err
	}
	for i, file := range s.files {
		if err := file.Fits(len(rendered[i].Data)); err != nil {
			return nil, err
		}
	}
	return rendered, nil
}

// formatSpecs returns the files of formats. It fails with a WrongFormatError.
func formatSpecs(ids []string, kind Kind) ([]export.Spec, error) {
	var all []export.Spec
	for _, id := range ids {
		format, err := export.Find(id)
		if err != nil {
			return nil, err
		}
		specs := specsOf(format, kind)
		if specs == nil {
			return nil, &WrongFormatError{id, kind}
		}
		all = append(all, specs...)
	}
	return all, nil
}

// kindsOf returns the kinds of holders that a format has a form for.
func kindsOf(format export.Format) []Kind {
	kinds := []Kind{}
	for _, kind := range []Kind{Device, Identity, CAItself} {
		if specsOf(format, kind) != nil {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// targetOf returns what a certificate was issued for: the default if nothing was
// recorded.
func targetOf(i store.Issued) (device.Target, error) {
	switch {
	case i.Record.For != "":
		target, err := device.ParseTarget(i.Record.For)
		return target, unknownRecorded(i, err)
	case KindOf(i) == Identity:
		return device.Target{}, nil
	}
	return device.ParseTarget(DefaultDevice)
}

// unknownRecorded is for a device that this version does not know: a later one
// wrote the record, and the user typed no device.
func unknownRecorded(i store.Issued, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("certificate of %s is for %q: %w", DisplayName(i.Record.Name), i.Record.For, err)
	return fault.WithCode(fault.With(err, fault.Hintf("name a device that this version knows: %s", fault.Command{"renew", i.Record.Name, "--for", "DEVICE"})), fault.Failed)
}

func keyOf(i store.Issued) string {
	key, err := ca.KeyTypeOf(i.Leaf.PublicKey)
	if err != nil {
		return ""
	}
	return string(key)
}

func outputFiles(files []export.File) []output.File {
	all := make([]output.File, len(files))
	for i, file := range files {
		all[i] = output.File{Name: file.Name, Data: file.Data, Private: file.Private}
	}
	return all
}

func fileNames(files []output.File) []string {
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = file.Name
	}
	return names
}

// sums are the SHA-256 of files, by name.
func sums(files []output.File) map[string]string {
	all := map[string]string{}
	for _, file := range files {
		all[file.Name] = FileSum(file.Data)
	}
	return all
}

// shorten returns a folder as the user would type it here: relative if it is
// below the current one.
func shorten(dir string) string {
	here, err := os.Getwd()
	if err != nil {
		return dir
	}
	below, err := filepath.Rel(here, dir)
	if err != nil || below == ".." || strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		return dir
	}
	return below
}
