package ca

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"
)

// PrepareCA makes the certificate of another CA under the root, such as
// step-ca's: path length 0, and what the root may vouch for. Clients that
// ignore a root's constraints (Java) enforce those of an intermediate, so they
// are repeated; non-critical, or mbedTLS and BearSSL refuse the chain. The
// profile's kind is KindCA; its life may reach to the root's end. The error
// joins one RuleError for each rule that is broken.
func (a *Authority) PrepareCA(profile Profile, name string, pub crypto.PublicKey, now time.Time) (*Prepared, error) {
	return a.prepare(draft{authority: a, profile: profile, caName: name, pub: pub, now: now})
}

func (d draft) fillCA(t *x509.Certificate) {
	root := d.authority.cert
	t.Subject = pkix.Name{CommonName: d.caName}
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	t.ExtKeyUsage = rootPurposes()
	if d.profile.ServersOnly {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	t.BasicConstraintsValid, t.IsCA, t.MaxPathLenZero = true, true, true
	t.PermittedDNSDomains, t.ExcludedDNSDomains = root.PermittedDNSDomains, root.ExcludedDNSDomains
	t.PermittedIPRanges, t.ExcludedIPRanges = root.PermittedIPRanges, root.ExcludedIPRanges
	t.PermittedEmailAddresses, t.ExcludedEmailAddresses = root.PermittedEmailAddresses, root.ExcludedEmailAddresses
	t.PermittedURIDomains, t.ExcludedURIDomains = root.PermittedURIDomains, root.ExcludedURIDomains
}

// checkCAName checks the name of an intermediate against the rules for a root's.
// It must differ from the root's: a certificate whose issuer and subject are
// equal counts as a root.
func checkCAName(d draft) error {
	fault := textFault(d.caName, ubCommonName)
	if fault == "" && d.caName == d.authority.cert.Subject.CommonName {
		fault = "is the name of the root"
	}
	if fault != "" {
		return RootNameError{d.caName, fault}
	}
	return nil
}

// pathAllowed refuses a CA below a root of path length 0, as earlier versions
// made them: OpenSSL, GnuTLS, NSS and Go refuse what such a CA signs.
func pathAllowed(d draft) error {
	if d.profile.Kind == KindCA && d.authority.cert.MaxPathLen == 0 {
		return fmt.Errorf("root %q allows no CA below it (path length 0)", d.authority.cert.Subject.CommonName)
	}
	return nil
}
