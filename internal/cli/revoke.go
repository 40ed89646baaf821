package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

type revokeOptions struct {
	pki.RevokeRequest
	reason  string
	fromCRL string // a file, or - for standard input
}

func (a *app) revokeCommand() *cobra.Command {
	var o revokeOptions
	cmd := &cobra.Command{
		Use: "revoke [NAME|SERIAL]",
		Long: `Revokes every certificate of a device or an identity that has not expired, and
signs the revocation list again. Servers that check identities must get the new
list: picoca export crl. Browsers and phones read no such list.

After a restore from paper the CA does not know the certificates that it issued
before: --from-crl takes over what was revoked, from a list that export crl
wrote, and --unknown revokes one by its serial number.

If every certificate of a name has expired, the newest is revoked: picoca renew
--due then leaves the name out.`,
		Example: `  picoca revoke "Lost phone" --reason keyCompromise
  picoca revoke broker.local --latest-only
  picoca revoke SERIAL             # all of its digits: picoca show prints them
  picoca revoke SERIAL --unknown   # of a certificate that is not here
  picoca revoke --from-crl old.pem # all that an old list of this CA has`,
		Args: revokeArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Target = strings.Join(args, "")
			if err := o.check(cmd); err != nil {
				return err
			}
			if err := a.parseRevoke(&o); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runRevoke(cmd.Context(), c, o) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.reason, "reason", "", "`REASON` for the list, such as keyCompromise, superseded or cessationOfOperation")
	f.BoolVar(&o.LatestOnly, "latest-only", false, "leave earlier certificates of the name as they are")
	f.BoolVar(&o.Unknown, "unknown", false, "take the serial number of a certificate that the CA issued and does not have any more")
	f.StringVar(&o.Root, "root", "", "with --unknown, the `ROOT` that issued it (default: the one that signs)")
	f.StringVar(&o.fromCRL, "from-crl", "", "instead of a name, an old revocation list of this CA, as `FILE` in PEM or DER (- for standard input): take over its entries")
	a.addJSON(cmd)
	a.addPassphrase(cmd)
	addCRLDays(cmd, &o.CRLDays, "as before")
	return cmd
}

// revokeArgs wants a name, unless a list has what to revoke.
func revokeArgs(cmd *cobra.Command, names []string) error {
	if !cmd.Flags().Changed("from-crl") {
		return args(1, 1, "the name of a device or an identity, or a serial number")(cmd, names)
	}
	if len(names) > 0 {
		return usageFault(cmd, fmt.Errorf("with --from-crl the list has the serial numbers; got %q as well", names[0]))
	}
	return nil
}

// check refuses flags that contradict each other.
func (o revokeOptions) check(cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("from-crl") && (cmd.Flags().Changed("reason") || o.LatestOnly || o.Unknown || o.Root != ""):
		return usageFault(cmd, errors.New("--from-crl takes times, reasons and roots from the list: leave out --reason, --latest-only, --unknown and --root"))
	case o.Root != "" && !o.Unknown:
		return usageFault(cmd, errors.New("--root works only with --unknown: picoca knows the root of a certificate that it has"))
	case o.Unknown && o.LatestOnly:
		return usageFault(cmd, errors.New("--latest-only is for a name, and --unknown for a serial number"))
	}
	return nil
}

// addCRLDays adds --crl-days.
func addCRLDays(cmd *cobra.Command, days *int, usual string) {
	cmd.Flags().IntVar(days, "crl-days", 0, "`N` days until the revocation list ends; servers that read it then refuse everyone (default: "+usual+")")
}

// crlDaysFault refuses --crl-days 0, which stands for unset elsewhere.
func (a *app) crlDaysFault(days int) error {
	if days == 0 && a.given("crl-days") {
		return &pki.CRLDaysError{}
	}
	return nil
}

func (a *app) parseRevoke(o *revokeOptions) (err error) {
	o.Reason, err = optional(o.reason, ca.ParseReason)
	if err := errors.Join(err, a.crlDaysFault(o.CRLDays)); err != nil || !a.given("from-crl") {
		return err
	}
	data, err := a.readInput(fmt.Sprintf("revocation list %q", o.fromCRL), o.fromCRL, pki.MaxOldCRL)
	if err != nil {
		return err
	}
	o.From, err = pki.ParseOldCRL(o.fromCRL, data)
	return err
}

func (a *app) runRevoke(ctx context.Context, c *pki.CA, o revokeOptions) error {
	result, err := c.Revoke(ctx, o.RevokeRequest, a.Now(), a.rootPassphrase(ctx), a.waiting)
	if len(result.Lists) == 0 && (err != nil || o.From == nil) {
		return err
	}
	return errors.Join(a.printRevoked(result, o), err)
}

// revokedJSON is the result of revoke as --json prints it.
type revokedJSON struct {
	Name    string            `json:"name"`
	Kind    pki.Kind          `json:"kind"`
	Revoked []pki.Description `json:"revoked"`
	Unknown string            `json:"unknown_serial,omitempty"`
	// TakenOver are serial numbers, and Before says how many were revoked already, with
	// --from-crl.
	TakenOver []string        `json:"taken_over,omitempty"`
	Before    int             `json:"already_revoked,omitempty"`
	Lists     []crlJSON       `json:"lists"`
	Servers   []pki.CRLServer `json:"servers"`
}

// crlJSON is a revocation list as --json prints it.
type crlJSON struct {
	Root       string    `json:"root"`
	NextUpdate time.Time `json:"next_update"`
	Number     string    `json:"number"`
	Entries    int       `json:"entries"`
}

func describeCRL(l pki.RevocationList) crlJSON {
	crl := l.Root.CRL
	return crlJSON{l.Root.Certificate.Subject.CommonName, crl.NextUpdate, crl.Number.String(), len(crl.RevokedCertificateEntries)}
}

func describeRevoked(r pki.Revoked) revokedJSON {
	return revokedJSON{r.Name, r.Kind, pki.DescribeAll(r.Certificates), r.Serial, r.TakenOver, r.Before, each(r.Lists, describeCRL), listed(r.Servers)}
}

func (a *app) printRevoked(r pki.Revoked, o revokeOptions) error {
	printed := describeRevoked(r)
	if a.json {
		return a.printJSON(printed)
	}
	switch {
	case o.From != nil:
		a.say("%s", takenOverText(o.fromCRL, r))
	case r.Serial != "":
		a.say("Serial number %s is revoked.", r.Serial)
	default:
		a.say("%s: %s revoked.", pki.DisplayName(r.Name), terminal.Count(len(r.Certificates), "certificate"))
	}
	if len(r.Lists) == 0 {
		return nil
	}
	for _, list := range printed.Lists {
		a.say("The revocation list of %s has %s, and is valid until %s.", list.Root, entriesText(list.Entries), pki.Day(list.NextUpdate))
	}
	a.say("next: give the new list to each server that checks identities: %s", a.command("export crl"))
	for _, server := range printed.Servers {
		a.say("  %s (%s): %s", pki.DisplayName(server.Name), server.Device, server.Setting)
	}
	if r.Serial != "" {
		a.note("this CA has no certificate with that number: compare it with the one that servers must refuse")
	}
	switch r.Kind {
	case pki.Device:
		a.note("browsers and phones read no revocation list: they accept the certificate until it expires")
	case pki.Delegated:
		a.note("browsers and phones read no revocation list: they accept what that CA has issued until it expires")
	}
	return nil
}

// takenOverText says what became of the entries of an old list.
func takenOverText(file string, r pki.Revoked) string {
	text := fmt.Sprintf("%s: %s taken over", file, entriesText(len(r.TakenOver)))
	if r.Before > 0 {
		text += fmt.Sprintf(", %s revoked already", entriesText(r.Before))
	}
	return text + "."
}

func entriesText(n int) string {
	switch n {
	case 0:
		return "no entries"
	case 1:
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
