package ca

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// draft is a certificate before its signature, with all that the rules look at.
type draft struct {
	authority *Authority
	profile   Profile
	holder    Holder
	caName    string // of an intermediate
	pub       crypto.PublicKey
	template  *x509.Certificate
	now       time.Time
}

// RuleError is returned for each rule that a certificate would break: the
// rule's name and source, and what is wrong.
type RuleError struct {
	Rule, Source string
	Err          error
	hint         fault.Hint
}

func (e RuleError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong: a *NameError, ClientNameError, DaysError,
// ExpiredError, ClockError, UnknownKeyError, RootNameError, or a plain text.
func (e RuleError) Unwrap() error { return e.Err }

// Hint returns the advice of the error inside, or the rule's own.
func (e RuleError) Hint() fault.Hint {
	if hint := fault.HintOf(e.Err); !hint.IsZero() {
		return hint
	}
	return e.hint
}

// rules are what every certificate is held against before it is signed. A new
// rule is a row: its name, where it comes from, the check, and the advice for
// errors that have none of their own.
var rules = []struct {
	name, source string
	check        func(draft) error
	hint         fault.Hint
}{
	{"clock", "ours: no certificate from a clock that cannot be right", func(d draft) error { return CheckClock(d.now) }, fault.Hint{}},
	{"holder", "RFC 6125 6.4.4: clients read only the subjectAltName; ours for identities", holderFits,
		fault.Hintf("name the device, such as pico.local")},
	{"client-name", "ours: one word, one certificate", clientNameFree, fault.Hint{}},
	{"key", "Chromium and boards: docs/design.md", keyAccepted, fault.Hintf("use --key p256, or add --force")},
	{"days", "Apple: at most 825 days, also under roots that users install", withinDays, fault.Hint{}},
	{"root-now", "RFC 5280 6.1.3 (a)(2): the validity period includes the current time", rootValid, fault.Hint{}},
	{"root-end", "RFC 5280 6.1.3: each certificate of the chain is valid", withinRoot,
		fault.Hintf("leave out --days: the certificate then ends with its root")},
	{"inside-root", "RFC 5280 4.2.1.10: name constraints", insideConstraints, fault.Hint{}},
	{"path-length", "RFC 5280 4.2.1.9: basic constraints", pathAllowed,
		fault.Hintf("make a new root: %s", fault.Command{"root", "rotate"})},
}

func checkRules(d draft) error {
	var broken []error
	for _, rule := range rules {
		for _, err := range fault.Flatten(rule.check(d)) {
			broken = append(broken, RuleError{rule.name, rule.source, err, rule.hint})
		}
	}
	return errors.Join(broken...)
}

// holderFits refuses a holder that is not of the profile's kind.
func holderFits(d draft) error {
	device, identity := len(d.holder.Names.list) > 0, d.holder.Client != (ClientName{})
	switch d.profile.Kind {
	case KindCA:
		return checkCAName(d)
	case KindServer, KindBoth:
		if !device || identity {
			return errors.New("certificate has no name")
		}
	case KindClient:
		if !identity || device {
			return ClientNameError{Input: d.holder.Client.text, Text: "is not the only name of the identity"}
		}
	default:
		return fmt.Errorf("kind %q is not one that a root issues", d.profile.Kind)
	}
	return nil
}

func keyAccepted(d draft) error {
	kt, err := KeyTypeOf(d.pub)
	if err != nil {
		return err
	}
	if kt != P256 && kt != RSA2048 && !d.profile.Force {
		return fmt.Errorf("key type %q costs clients and boards more than it is worth", string(kt))
	}
	return nil
}

// withinDays: only leaves are limited by clients, an intermediate by its root.
func withinDays(d draft) error {
	most := MaxLeafDays
	if d.profile.Kind == KindCA {
		most = maxRootDays
	}
	if life := d.profile.Life; life < minLeafLife || life > Days(most) {
		return DaysError{int(life / Days(1)), 1, most}
	}
	return nil
}

func rootValid(d draft) error {
	if CheckClock(d.now) != nil {
		return nil // that is the fault, not the root
	}
	return validAt(d.authority.cert, d.now)
}

func withinRoot(d draft) error {
	if withinDays(d) != nil || CheckClock(d.now) != nil {
		return nil // it would end elsewhere once that is mended
	}
	if end := d.authority.cert.NotAfter; d.template.NotAfter.After(end) {
		return fmt.Errorf("certificate would end on %s, after its root on %s", day(d.template.NotAfter), day(end))
	}
	return nil
}

func insideConstraints(d draft) error { return d.authority.Permits(d.holder.Names) }

// Permits joins a *NameError for each name that the root may not vouch for.
func (a *Authority) Permits(names Names) error { return ConstraintsOf(a.cert).Outside(names) }
