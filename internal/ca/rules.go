package ca

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// draft is a leaf before its signature, with all that the rules look at.
type draft struct {
	authority *Authority
	profile   Profile
	names     Names
	pub       crypto.PublicKey
	template  *x509.Certificate
	now       time.Time
}

// RuleError says which rule a leaf would break, and how.
type RuleError struct{ Rule, Text string }

func (e RuleError) Error() string { return e.Text }

// rules are what every leaf is held against before it is signed. A new rule is
// a row: its name, where it comes from, and the check.
var rules = []struct {
	name, source string
	check        func(draft) error
}{
	{"names", "RFC 6125 6.4.4: clients read the subjectAltName alone", hasNames},
	{"label", "ours: one word, one certificate", labelled},
	{"key", "Chromium, boards: see docs/design.md", keyAccepted},
	{"days", "Apple: at most 825 days, user-installed roots included", withinDays},
	{"root-now", "RFC 5280 6.1.3 (a)(2): the validity period includes the current time", rootValid},
	{"root-end", "RFC 5280 6.1.3: each certificate of the chain is valid", withinRoot},
	{"inside-root", "RFC 5280 4.2.1.10: name constraints", insideConstraints},
}

func checkRules(d draft) error {
	var broken []error
	for _, rule := range rules {
		if err := rule.check(d); err != nil {
			broken = append(broken, err)
		}
	}
	return errors.Join(broken...)
}

func hasNames(d draft) error {
	if len(d.names.list) == 0 && d.profile.client == (Label{}) {
		return RuleError{"names", "certificate has no name"}
	}
	return nil
}

func keyAccepted(d draft) error {
	kt, err := KeyTypeOf(d.pub)
	if err != nil {
		return err
	}
	if kt != P256 && kt != RSA2048 && !d.profile.Force {
		return RuleError{"key", fmt.Sprintf("key type %q costs every client and board more than it gains", string(kt))}
	}
	return nil
}

func withinDays(d draft) error {
	if life := d.profile.Life; life < minLeafLife || life > Days(MaxLeafDays) {
		return DaysError{int(life / Days(1)), 1, MaxLeafDays}
	}
	return nil
}

func rootValid(d draft) error { return validAt(d.authority.cert, d.now) }

func withinRoot(d draft) error {
	if withinDays(d) != nil {
		return nil // it would end elsewhere once that is mended
	}
	if end := d.authority.cert.NotAfter; d.template.NotAfter.After(end) {
		return RuleError{"root-end", fmt.Sprintf("certificate would end on %s, after its root on %s", day(d.template.NotAfter), day(end))}
	}
	return nil
}

func insideConstraints(d draft) error { return d.authority.Permits(d.names) }

// Permits joins a *NameError for each name that the root may not vouch for.
func (a *Authority) Permits(names Names) error {
	allowed := ConstraintsOf(a.cert)
	var outside []error
	for _, name := range names.list {
		if !allowed.Contains(name) {
			outside = append(outside, &NameError{name.String(), ReasonOutside, "is outside what this root may vouch for: " + allowed.like(name)})
		}
	}
	return errors.Join(outside...)
}
