package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

type initOptions struct {
	key        string
	name       string
	days       int
	permit     []string
	strict     bool
	json       bool
	passphrase passphraseFlags
}

func (a *app) initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the certificate authority: once, on this computer",
		Long: `Makes a root certificate and its key. Devices that trust the root then trust
every certificate that it issues. The root may vouch only for names of a home
network and private addresses, so that whoever steals its key cannot
impersonate a bank with it.`,
		Example: `  picoca init
  picoca init --permit home.example.com --permit 100.64.0.0/10
  picoca init --key rsa-2048      for an ESP8266, which knows RSA alone`,
		Args: exactly(0, "none"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runInit(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.key, "key", string(ca.P256), "key type: p256, p384, rsa-2048, rsa-3072, rsa-4096")
	f.StringVar(&o.name, "name", "Home CA", "first part of the CA's name; four letters of its key follow")
	f.IntVar(&o.days, "days", ca.DefaultRootDays, "days until the root expires")
	f.StringArrayVar(&o.permit, "permit", nil, "domain, address or CIDR that it may vouch for besides those of a home (repeatable)")
	f.BoolVar(&o.strict, "strict-constraints", false, "mark the name constraints critical (RFC 5280); boards then cannot load the root")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.StringVar(&o.passphrase.file, "passphrase-file", "", "file whose first line is the passphrase of the root key")
	f.BoolVar(&o.passphrase.none, "no-passphrase", false, "leave the root key unencrypted")
	return cmd
}

func (a *app) runInit(ctx context.Context, o initOptions) error {
	dir, err := a.home()
	if err != nil {
		return err
	}
	keyType, req, err := parseInit(o)
	if err != nil {
		return err
	}
	if err := store.Vacant(dir); err != nil {
		return standing(dir, err)
	}
	passphrase, err := a.newPassphrase(ctx, o.passphrase)
	if err != nil {
		return err
	}
	key, err := keyType.Generate()
	if err != nil {
		return err
	}
	cert, err := ca.NewRoot(req, key, a.Now())
	if err != nil {
		return err
	}
	if err := store.Create(ctx, dir, cert, key, passphrase, a.waiting); err != nil {
		return standing(dir, err)
	}
	return a.tellInit(o, keyType, cert)
}

// parseInit reads all flags, so that all of their faults come at once.
func parseInit(o initOptions) (ca.KeyType, ca.RootRequest, error) {
	keyType, keyErr := ca.ParseKeyType(o.key)
	constraints, permitErr := ca.HomeConstraints().Permit(o.permit)
	req := ca.RootRequest{Name: o.name, Days: o.days, Constraints: constraints, Strict: o.strict}
	return keyType, req, errors.Join(keyErr, permitErr, req.Check())
}

// standingError says what stands where a new authority should be.
type standingError struct{ dir, what string }

func (e standingError) Error() string {
	return fmt.Sprintf("%s already holds %s", e.dir, e.what)
}

// standing names the authority that is in the way of a new one.
func standing(dir string, err error) error {
	if !isExist(err) {
		return err
	}
	s, openErr := store.Open(dir)
	if openErr != nil {
		return openErr
	}
	defer s.Close()
	cert, certErr := s.RootCertificate()
	if certErr != nil {
		return certErr
	}
	return standingError{dir, fmt.Sprintf("%s, valid until %s", cert.Subject.CommonName, day(cert.NotAfter))}
}

func (a *app) tellInit(o initOptions, keyType ca.KeyType, cert *x509.Certificate) error {
	if o.json {
		return a.printJSON(describeRoot(cert))
	}
	a.say("%s: %s, until %s, for %s only.", cert.Subject.CommonName, keyType, day(cert.NotAfter), permitted(cert))
	a.say("SHA-256 %s", fingerprint(cert))
	if cost, ok := rootCosts[keyType]; ok {
		a.note("%s", cost)
	}
	if o.strict {
		a.note("boards cannot load a root with critical constraints: no mutual TLS and no board as its client")
	}
	a.say("%s", a.here("next: picoca issue pico.local"))
	return nil
}

// rootCosts tells what a root other than P-256 costs the boards.
var rootCosts = map[ca.KeyType]string{
	ca.P384:    "a P-384 root adds about 35 bytes to each certificate, and boards verify it more slowly",
	ca.RSA2048: "an RSA-2048 root adds about 200 bytes to each certificate",
	ca.RSA3072: "an RSA-3072 root adds about 320 bytes to each certificate",
	ca.RSA4096: "an RSA-4096 root adds about 450 bytes to each certificate",
}

// permitted tells the root's constraints, the usual ones in short.
func permitted(cert *x509.Certificate) string {
	have, home := ca.ConstraintsOf(cert), ca.HomeConstraints()
	var parts []string
	for _, domain := range have.Domains() {
		parts = append(parts, "."+domain)
	}
	parts = append(parts, "and private addresses")
	for _, prefix := range have.Prefixes() {
		if !slices.Contains(home.Prefixes(), prefix) {
			parts = append(parts, "and "+prefix.String())
		}
	}
	return strings.Join(parts, " ")
}
