package pki

import (
	"errors"
	"testing"

	"github.com/picoca/picoca/internal/export"
)

func TestP12SuitsItsHolder(t *testing.T) {
	const strong, weak = "correct horse battery staple", "secret"
	for _, row := range []struct {
		name            string
		kind            Kind
		profile, phrase string
		force           bool
		want            export.P12 // no passphrase stands for a new one
		weak            bool       // and allowed
		err             bool
	}{
		{"a phone", Identity, "", strong, false, export.P12{Profile: export.LegacyDES, Passphrase: strong}, false, false},
		{"a device", Device, "", strong, false, export.P12{Profile: export.Modern2023, Passphrase: strong}, false, false},
		{"the user's choice", Device, string(export.LegacyDES), strong, false, export.P12{Profile: export.LegacyDES, Passphrase: strong}, false, false},
		{"a new passphrase", Identity, "", "", false, export.P12{Profile: export.LegacyDES}, false, false},
		{"a trust store", CAItself, "", "", false, export.P12{Profile: export.Modern2023, Passphrase: export.TrustStorePassphrase}, false, false},
		{"a trust store's own", CAItself, "", weak, false, export.P12{Profile: export.Modern2023, Passphrase: weak}, false, false},
		{"a weak one", Device, "", weak, false, export.P12{}, false, true},
		{"a weak one by force", Device, "", weak, true, export.P12{Profile: export.Modern2023, Passphrase: weak}, true, false},
		{"no such profile", Device, "rot13", strong, true, export.P12{}, false, true},
	} {
		var phrase []byte
		if row.phrase != "" {
			phrase = []byte(row.phrase)
		}
		got, err := ChooseP12(row.kind, row.profile, phrase, row.force)
		if (err != nil) != row.err {
			t.Errorf("%s: got %v", row.name, err)
		}
		if err != nil {
			continue
		}
		if got.Generated != (row.want.Passphrase == "") || got.Generated && got.Passphrase == "" {
			t.Errorf("%s: generated: got %t", row.name, got.Generated)
		}
		if got.Generated {
			got.Passphrase = ""
		}
		if got.P12 != row.want || (got.Weak != nil) != row.weak {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}

func TestEveryFaultOfAP12IsNamed(t *testing.T) {
	_, err := ChooseP12(Device, "rot13", []byte("secret"), false)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 || !errors.As(err, new(export.WeakPassphraseError)) {
		t.Errorf("got %v, want the profile and the passphrase", err)
	}
}
