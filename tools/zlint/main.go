// Command zlint lints certificate files with zlint and prints one line a
// finding: the file, the lint and its verdict. Findings on the list of
// exceptions, each with its reason, are counted and passed over. It exits with
// 1 if anything else was found.
package main

import (
	"encoding/pem"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// Why findings are accepted.
const (
	critical = "mbedTLS, and so every board, cannot parse a certificate with critical constraints; clients enforce them either way"
	leafSKI  = "RFC 5280 4.2.1.2 has it as SHOULD; each byte of a leaf counts on a board, and nothing looks it up"
	public   = "a rule for CAs that ship with systems (CA/Browser Forum); a home has no such services, names or limits"
	apple825 = "Apple's limit for user-installed roots is 825 days; the shorter ones are for roots that ship with systems"
	shownCN  = "some boards' tools show only the common name; it is in the subjectAltName too"
	pathLen  = "the root allows one CA below it, such as step-ca, and no more"
	purposes = "a rule for roots that ship with systems; by these purposes Go and NSS refuse code that a stolen root key has signed"
	homeNets = "private networks are what a home's root is for"
	noClock  = "a leaf of --board-clock is valid from 2021-01-01, for boards that have no clock yet; issue says that Apple devices refuse it"
)

// exceptions are the findings that are accepted. All lints of all sources run,
// so that nothing new goes unseen.
var exceptions = map[string]string{
	"e_ext_name_constraints_not_critical":                           critical,
	"w_ext_subject_key_identifier_missing_sub_cert":                 leafSKI,
	"e_ca_country_name_missing":                                     public,
	"e_ca_organization_name_missing":                                public,
	"e_missing_crl_distrib_point":                                   public,
	"e_sub_cert_aia_missing":                                        public,
	"w_sub_cert_aia_does_not_contain_issuing_ca_url":                public,
	"e_sub_cert_cert_policy_empty":                                  public,
	"e_sub_cert_certificate_policies_missing":                       public,
	"e_dnsname_not_valid_tld":                                       public,
	"e_server_cert_valid_time_longer_than_200_days":                 apple825,
	"w_server_cert_valid_time_longer_than_199_days":                 apple825,
	"e_tls_server_cert_valid_time_longer_than_398_days":             apple825,
	"w_tls_server_cert_valid_time_longer_than_397_days":             apple825,
	"w_subject_common_name_included":                                shownCN,
	"w_root_ca_basic_constraints_path_len_constraint_field_present": pathLen,
	"e_root_ca_extended_key_usage_present":                          purposes,
	"e_ext_nc_intersects_reserved_ip":                               homeNets,
	"e_ext_san_contains_reserved_ip":                                homeNets,
}

// boardClock are the findings that are accepted for a leaf of --board-clock
// only. Its notBefore puts it under rules that have since expired.
var boardClock = map[string]string{
	"e_sub_cert_aia_does_not_contain_ocsp_url":    public,
	"e_sub_cert_valid_time_longer_than_39_months": noClock,
	"e_sub_cert_valid_time_longer_than_825_days":  noClock,
}

// ofBoardClock reports whether a certificate is a leaf of --board-clock.
func ofBoardClock(cert *x509.Certificate) bool {
	return !cert.IsCA && cert.NotBefore.Equal(time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))
}

// accepted reports whether a finding about a certificate is on a list.
func accepted(lintName string, cert *x509.Certificate) bool {
	_, always := exceptions[lintName]
	_, then := boardClock[lintName]
	return always || then && ofBoardClock(cert)
}

func main() {
	failed := len(os.Args) < 2
	for _, name := range os.Args[1:] {
		found, err := findings(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			failed = true
		}
		for _, finding := range found {
			fmt.Printf("%s: %s\n", name, finding)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// findings lints a certificate in PEM or DER.
func findings(name string) ([]string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	cert, err := x509.ParseCertificate(data)
	if err != nil {
		return nil, err
	}
	var found []string
	for lintName, result := range zlint.LintCertificate(cert).Results {
		if result.Status <= lint.Pass || result.Status == lint.Notice {
			continue
		}
		if !accepted(lintName, cert) {
			found = append(found, fmt.Sprintf("%s %s %s", lintName, result.Status, result.Details))
		}
	}
	sort.Strings(found)
	return found, nil
}
