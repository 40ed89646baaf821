package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/delegate"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

func (a *app) delegateCommand() *cobra.Command {
	var o pki.DelegateRequest
	cmd := &cobra.Command{
		Use: "delegate " + strings.Join(delegate.IDs(), "|") + " FOLDER",
		Long: `Issues a certificate for another CA, with the limits of the root, and writes all
that its program needs into FOLDER: certificate, key and configuration. Devices
that trust the root trust what that CA issues, for servers only.

step-ca  an ACME server, from which Caddy, acme.sh and others get certificates
caddy    Caddy's internal CA; its key is not encrypted

See docs/growth.md for who needs which.`,
		Example: `  picoca delegate step-ca ~/step-ca --host ca.home.arpa
  picoca delegate caddy ~/caddy-ca`,
		Args: filled(2, 2, "a program and a folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Program, o.Out = args[0], args[1]
			if err := checkDelegate(cmd, o); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.delegateOne(cmd.Context(), c, o) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Hosts, "host", nil, "`NAME` of the computer where step-ca runs, the usual one first (repeatable; default: ca.home.arpa)")
	f.IntVar(&o.Port, "port", 0, "TCP `PORT` where step-ca listens (default: 9443)")
	f.StringVar(&o.Name, "name", "", "`NAME` of the CA, by which you renew and revoke it (default: the program's)")
	f.IntVar(&o.Days, "days", 0, "valid for `N` days (default: five years, at most until the root ends)")
	f.BoolVar(&o.RootItself, "root-itself", false, "give the program the root's own key, for a root that allows no CA below it")
	a.addJSON(cmd)
	a.addPassphrase(cmd)
	return cmd
}

// checkDelegate refuses flags that would have no effect, and what they cannot be.
func checkDelegate(cmd *cobra.Command, o pki.DelegateRequest) error {
	if _, err := delegate.Find(o.Program); err != nil {
		return err
	}
	given := cmd.Flags().Changed
	switch {
	case o.Program == "caddy" && (given("host") || given("port")):
		return usageFault(cmd, errors.New("--host and --port are for step-ca: Caddy has them in its Caddyfile"))
	case o.RootItself && (given("name") || given("days")):
		return usageFault(cmd, errors.New("--name and --days are for a certificate of the CA's own: with --root-itself it has the root's"))
	case given("port") && (o.Port < 1 || o.Port > 65535):
		return usageFault(cmd, fmt.Errorf("--port %d is not between 1 and 65535", o.Port))
	case given("days"):
		return ca.CheckCADays(o.Days)
	}
	return nil
}

// delegateLeaf is delegateOne for flags of issue and renew.
func (a *app) delegateLeaf(ctx context.Context, c *pki.CA, d pki.DelegateRequest, o leafOptions) error {
	if d.Out = o.out; a.given("days") {
		d.Days = o.days
		if err := ca.CheckCADays(d.Days); err != nil {
			return err
		}
	}
	return a.delegateOne(ctx, c, d)
}

// delegateOne plans and issues, for a new CA and for a renewal.
func (a *app) delegateOne(ctx context.Context, c *pki.CA, o pki.DelegateRequest) (err error) {
	d, err := c.PlanDelegation(o, a.Now())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if o.RootItself {
		files, err := c.DelegateRoot(ctx, d, a.rootPassphrase(ctx), a.waiting)
		if err != nil {
			return err
		}
		a.note("%s now has a copy of the root's key: who reads it can issue anything that the root can", d.Dir)
		return a.printDelegation(d, files, o)
	}
	session, err := a.session(ctx, c)
	if err != nil {
		return err
	}
	defer session.Close()
	result, err := session.Delegate(d, a.Now())
	if err != nil {
		return err
	}
	return a.printDelegation(d, result.Files, o)
}

// delegationJSON is the result as --json prints it.
type delegationJSON struct {
	Name     string        `json:"name"`
	Program  string        `json:"program,omitempty"`
	NotAfter time.Time     `json:"not_after"`
	Folder   string        `json:"folder"`
	Files    []pki.Written `json:"files"`
	Steps    []string      `json:"steps"`
}

func (a *app) printDelegation(d *pki.Delegation, files []pki.Written, o pki.DelegateRequest) error {
	steps := d.Steps()
	if a.json {
		return a.printJSON(delegationJSON{d.Name, d.Program(), d.NotAfter(), d.Dir, listed(files), listed(steps)})
	}
	what := "a CA under your root"
	if o.RootItself {
		what = "has the certificate and the key of your root itself"
	}
	a.say("%s: %s, valid until %s", d.Name, what, pki.Day(d.NotAfter()))
	a.sayWritten(files)
	if o.Program == "caddy" && !o.Renew {
		a.note("the key is not encrypted: Caddy reads no other; only the folder's modes protect it")
	}
	switch {
	case o.Renew:
		a.say("next: %s", renewedCANext(d))
	case len(steps) == 0:
		a.say("next: import ca.pem, or chain.pem if it wants the root too, into the program that made the request")
	}
	for i, step := range steps {
		word := "next"
		if i > 0 {
			word = "  or"
		}
		a.say("%s: %s", word, step)
	}
	return nil
}

// renewedCANext is what the user does with the new certificate of a CA.
func renewedCANext(d *pki.Delegation) string {
	if d.Program() == "" {
		return "import ca.pem again into its program"
	}
	return "restart its program"
}

// runIssueCA issues the certificate of a CA that made its own key.
func (a *app) runIssueCA(cmd *cobra.Command, names []string, o leafOptions) (err error) {
	switch {
	case len(names) > 0:
		return usageFault(cmd, fmt.Errorf("%q is a device's name: a CA has only the name of --ca", names[0]))
	case o.kept.csr == "":
		return usageFault(cmd, errors.New("--ca needs the certificate request of that CA: --csr FILE"))
	}
	if flag := a.otherFlag("ca", "csr", "days", "out", "json", "passphrase-file"); flag != "" {
		return usageFault(cmd, fmt.Errorf("--%s is not for a delegated CA", flag))
	}
	csr, err := a.readCSR(o.kept.csr)
	if err != nil {
		return err
	}
	return a.with(func(c *pki.CA) error {
		return a.delegateLeaf(cmd.Context(), c, pki.DelegateRequest{Name: o.delegated, CSR: csr}, o)
	})
}

// renewDelegated is renew for a delegated CA: its key stays, so what it issued
// stays valid.
func (a *app) renewDelegated(ctx context.Context, c *pki.CA, names []string, o renewOptions) error {
	name := names[0]
	if len(names) > 1 {
		return errOneCA(name, names[1])
	}
	if flag := a.otherFlag("csr", "days", "out", "json", "passphrase-file"); flag != "" {
		return misuse(fmt.Sprintf("--%s is not for a delegated CA", flag), fault.Run("renew", name))
	}
	d := pki.DelegateRequest{Name: name, Renew: true}
	if o.kept.csr != "" {
		csr, err := a.readCSR(o.kept.csr)
		if err != nil {
			return err
		}
		d.CSR = csr
	}
	return a.delegateLeaf(ctx, c, d, o.leafOptions)
}

// errOneCA is for a name that a CA cannot have besides its own.
func errOneCA(name, other string) error {
	return misuse(fmt.Sprintf("%q is a delegated CA, which has no other names such as %q", name, other), fault.Run("renew", name))
}
