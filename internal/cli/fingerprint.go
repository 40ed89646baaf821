package cli

import (
	"crypto/x509"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
)

// showFingerprint prints a single fingerprint, in the form that a device takes.
func (a *app) showFingerprint(c *pki.CA, name string, o showOptions) error {
	var cert *x509.Certificate
	if name == pki.TheCA {
		root, err := c.Root()
		if err != nil {
			return err
		}
		cert = root.Certificate
	} else {
		issued, err := c.Find(name)
		if err != nil {
			return err
		}
		cert = issued.Leaf
	}
	text, err := ca.FingerprintOf(cert, ca.FingerprintKind(o.fingerprint), o.plain)
	if err != nil {
		return err
	}
	a.say("%s", text)
	return nil
}
