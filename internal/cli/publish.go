package cli

import (
	"crypto"
	"crypto/x509"
	"fmt"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// publication is a certificate that may be signed, with where it goes.
type publication struct {
	store     *store.Store
	authority *ca.Authority
	prepared  *ca.Prepared
	key       crypto.Signer
	out       *destination
	about     func(leaf *x509.Certificate) store.About
	render    func(leaf *x509.Certificate) ([]export.File, error)
}

// run signs, and writes the certificate to the store and its files to their
// folder. The lock is held.
func (p publication) run() (*x509.Certificate, []export.File, error) {
	if err := p.out.prepare(); err != nil {
		return nil, nil, err
	}
	leaf, err := p.authority.Sign(p.prepared)
	if err != nil {
		return nil, nil, err
	}
	files, err := p.render(leaf)
	if err != nil {
		return nil, nil, err
	}
	if err := p.out.stage(files); err != nil {
		return nil, nil, err
	}
	about := p.about(leaf)
	if _, err := p.store.Put(about, leaf, p.key); err != nil {
		return nil, nil, err
	}
	if err := p.out.commit(); err != nil {
		return nil, nil, unwrittenError{about.Name, err}
	}
	return leaf, files, nil
}

// unwrittenError says that a certificate is in the store and its files are not
// where the user wants them.
type unwrittenError struct {
	name string
	error
}

func (e unwrittenError) Error() string {
	return fmt.Sprintf("%s is issued, and its files are not written: %v", e.name, e.error)
}

func (e unwrittenError) Unwrap() error { return e.error }

// renderAll renders a bundle in several formats. Kind is a device or a client
// identity.
func renderAll(formats []string, kind string, bundle export.Bundle) ([]export.File, error) {
	var all []export.File
	for _, id := range formats {
		format, err := export.Find(id)
		if err != nil {
			return nil, err
		}
		form := formFor(format, kind)
		if form == nil {
			return nil, wrongFormatError{id, kind}
		}
		files, err := form(bundle)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}
