package pki

import (
	"cmp"
	"errors"

	"github.com/picoca/picoca/internal/export"
)

// P12Choice is how the .p12 files of a run are encrypted.
type P12Choice struct {
	export.P12
	// Generated says that no one knows the passphrase yet.
	Generated bool
	// Weak is what is wrong with a passphrase that was forced, nil if nothing is.
	Weak error
}

// ChooseP12 decides how the .p12 of a kind of holder is encrypted. The profile is
// what suits the holder if it is empty: phones, which get identities, read only the
// old algorithms. Without a passphrase a new one is made; the CA's own file, which
// has no secret, gets the one that is usual in Java. The error joins those of
// export.ParseP12Profile and export.CheckPassphrase; force allows a weak passphrase.
func ChooseP12(kind Kind, profile string, passphrase []byte, force bool) (c P12Choice, err error) {
	usual := export.Modern2023
	if kind == Identity {
		usual = export.LegacyDES
	}
	var profileErr error
	c.Profile, profileErr = export.ParseP12Profile(cmp.Or(profile, string(usual)))
	switch {
	case passphrase != nil:
		c.Passphrase = string(passphrase)
		err = export.CheckPassphrase(c.Passphrase, kind != CAItself)
	case kind == CAItself:
		c.Passphrase = export.TrustStorePassphrase
	default:
		c.Generated = true
		c.Passphrase, err = export.NewPassphrase()
	}
	if weak, ok := errors.AsType[export.WeakPassphraseError](err); ok && force {
		c.Weak, err = weak, nil
	}
	return c, errors.Join(profileErr, err)
}
