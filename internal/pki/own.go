package pki

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/store"
)

// ownFiles recognises files that picoca wrote for any certificate of a holder,
// so that a renewal replaces those and no others.
type ownFiles struct {
	ca      *CA
	holder  store.Holder
	newest  *pastFiles // nil if there is none
	read    bool
	history []*pastFiles // the newest first
}

// pastFiles are the files of one certificate in every format, by name.
type pastFiles struct {
	issued   store.Issued
	rendered map[string][][]byte
}

// ownFiles is for a holder whose newest certificate was read, nil if it has none.
func (c *CA) ownFiles(holder store.Holder, newest *store.Issued) *ownFiles {
	o := &ownFiles{ca: c, holder: holder}
	if newest != nil {
		past := *newest
		past.Record.Kind, past.Record.Name = holder.Kind, holder.Name // of a lost record too
		o.newest = &pastFiles{issued: past}
	}
	return o
}

// wrote reports whether data is what picoca wrote under that name.
func (o *ownFiles) wrote(name string, data []byte) bool {
	if data == nil {
		return false
	}
	if o.isProfile(name, data) {
		return true
	}
	// The newest usually wrote it; a name can have thousands of certificates.
	if o.newest != nil && o.newest.wrote(o.ca, name, data) {
		return true
	}
	return slices.ContainsFunc(o.all(), func(past *pastFiles) bool { return past.wrote(o.ca, name, data) })
}

func (p *pastFiles) wrote(c *CA, name string, data []byte) bool {
	return p.issued.Record.Files[name] == FileSum(data) || p.has(c, name, data)
}

// FileSum returns the SHA-256 by which a record remembers a file.
func FileSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// all returns the holder's certificates. One that is damaged wrote nothing that
// could be recognised.
func (o *ownFiles) all() []*pastFiles {
	if o.read {
		return o.history
	}
	o.read = true
	history, _ := o.ca.store.History(o.holder)
	for _, issued := range slices.Backward(history) {
		o.history = append(o.history, &pastFiles{issued: issued})
	}
	return o.history
}

// has reports whether a format writes data under that name. Records of layout 1
// remember no files, and those that export wrote are in none.
func (p *pastFiles) has(c *CA, name string, data []byte) bool {
	if p.rendered == nil {
		p.rendered = c.renderEverything(p.issued)
	}
	return slices.ContainsFunc(p.rendered[name], func(own []byte) bool { return bytes.Equal(own, data) })
}

// isProfile reports whether a file is an Apple profile of the identity, which is
// different each time. Its identifier is the identity's.
func (o *ownFiles) isProfile(name string, data []byte) bool {
	if o.holder.Kind != ca.KindClient || name != o.holder.Stem()+".mobileconfig" {
		return false
	}
	roots, err := o.ca.Roots()
	return err == nil && slices.ContainsFunc(roots, func(root store.Root) bool {
		return bytes.Contains(data, []byte(export.ClientProfileID(root.Certificate, o.holder.Name)))
	})
}

// wroteIn is wrote for a file in a folder. A .p12 is different each time, and
// it cannot be read without its passphrase: it is the identity's if the
// profile beside it is.
func (o *ownFiles) wroteIn(folder *output.Folder, name string, data []byte) bool {
	if o.wrote(name, data) {
		return true
	}
	stem := o.holder.Stem()
	if o.holder.Kind != ca.KindClient || name != stem+".p12" {
		return false
	}
	if o.newest != nil && o.newest.issued.Record.Files[name] != "" {
		return false // what picoca wrote is known, and this is something else
	}
	profile, err := folder.ReadIfAny(stem + ".mobileconfig")
	return err == nil && o.isProfile(stem+".mobileconfig", profile)
}

// renderEverything returns the files of a certificate in every format, by name:
// as they are now, and as they were when its root was the only one.
func (c *CA) renderEverything(i store.Issued) map[string][][]byte {
	all := map[string][][]byte{}
	bundle, err := c.bundle(i)
	if err != nil && !errors.Is(err, store.ErrKeyElsewhere) {
		return all
	}
	renderFormats(all, bundle, KindOf(i))
	if len(bundle.MoreRoots) > 0 || !bundle.Root.Equal(i.Root.Certificate) {
		bundle.MoreRoots, bundle.MoreCRLs = nil, nil
		bundle.Root, bundle.CRL = i.Root.Certificate, i.Root.CRL
		renderFormats(all, bundle, KindOf(i))
	}
	return all
}

func renderFormats(all map[string][][]byte, bundle export.Bundle, kind Kind) {
	for _, specs := range everySpecs(kind) {
		files, err := export.Render(bundle, specs...)
		if err != nil {
			continue // a .p12 needs a passphrase, and is different each time; or there is no key
		}
		for _, file := range files {
			all[file.Name] = append(all[file.Name], file.Data)
		}
	}
}

// everySpecs are the files of every format, and those of a certificate whose
// device keeps the key.
func everySpecs(kind Kind) [][]export.Spec {
	all := [][]export.Spec{keylessSpecs}
	for _, format := range export.Formats() {
		all = append(all, specsOf(format, kind))
	}
	return all
}

// isRootFile reports whether a file is nothing but roots' certificates, which
// are no holder's left-over.
func (o *ownFiles) isRootFile(data []byte) bool {
	roots, err := o.ca.Roots()
	if err != nil {
		return false
	}
	for _, root := range roots {
		if bytes.Equal(data, root.Certificate.Raw) {
			return true
		}
		data = bytes.ReplaceAll(data, ca.CertificatePEM(root.Certificate), nil)
	}
	return len(data) == 0
}
