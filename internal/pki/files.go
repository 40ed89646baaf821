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

// filesFor returns the files that a device loads, or those of an identity that is
// for no particular device. The files of the latter have no limits.
func filesFor(target device.Target, key ca.KeyType, kind ca.Kind) ([]export.Spec, []device.File, error) {
	if target.Device.ID == "" {
		specs, err := formatSpecs(identityFormats, Identity)
		return specs, nil, err
	}
	files, err := target.Files(string(key), useOf(kind))
	if err != nil {
		return nil, nil, err
	}
	specs := make([]export.Spec, len(files))
	for i, file := range files {
		specs[i] = export.Spec(file.Content)
	}
	return specs, files, nil
}

// renderFor renders what filesFor returns. It fails with a device.SizeError if
// the device does not take a file.
func renderFor(target device.Target, key ca.KeyType, kind ca.Kind, bundle export.Bundle) ([]export.File, error) {
	specs, files, err := filesFor(target, key, kind)
	if err != nil {
		return nil, err
	}
	if fixed := fixedPassword(files); fixed != "" {
		bundle.P12.Passphrase = fixed
	}
	rendered, err := export.Render(bundle, specs...)
	if err != nil {
		return nil, err
	}
	for i, file := range files {
		if err := file.Fits(len(rendered[i].Data)); err != nil {
			return nil, err
		}
	}
	return rendered, nil
}

// fixedPassword is what a device itself uses to open its .p12, "" if the choice
// is the user's.
func fixedPassword(files []device.File) string {
	for _, file := range files {
		if file.Password.Fixed != "" {
			return file.Password.Fixed
		}
	}
	return ""
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

func specNames(specs []export.Spec, stem string) []string {
	names := make([]string, len(specs))
	for i, spec := range specs {
		names[i] = strings.ReplaceAll(spec.Name, "{stem}", stem)
	}
	return names
}

// KindsOf returns the kinds of holders that a format has a form for.
func KindsOf(format export.Format) []Kind {
	var kinds []Kind
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

func writesP12(target device.Target, key ca.KeyType, kind ca.Kind) bool {
	_, files, err := filesFor(target, key, kind)
	return err == nil && (files == nil || fixedPassword(files) == "" && slices.ContainsFunc(files, device.File.NeedsPassphrase))
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
