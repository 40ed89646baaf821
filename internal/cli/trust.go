package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
	"github.com/picoca/picoca/internal/trust"
)

type trustOptions struct {
	action   string
	store    string
	user     bool
	allUsers bool
	dryRun   bool
}

// The actions of trust.
const (
	trustInstall = "install"
	trustRemove  = "remove"
	trustStatus  = "status"
)

func (a *app) trustCommand() *cobra.Command {
	var o trustOptions
	cmd := &cobra.Command{
		Use: "trust [install|remove|status]",
		Long: `Adds the CA's roots to the trust stores of this computer: the system's (curl,
wget, Python, Go, most Java), Chromium's and its relatives', and Firefox's.
remove takes out every root that this CA ever had, and nothing else; status
shows what each store trusts.

Commands that need root run through sudo, and are printed first. A store that is
up to date stays unchanged.`,
		Example: `  picoca trust --dry-run
  picoca trust
  picoca trust --store chromium
  picoca trust status
  picoca trust remove`,
		ValidArgs: []string{trustInstall, trustRemove, trustStatus},
		Args:      args(0, 1, "install, remove or status"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.action = trustInstall
			if len(args) == 1 {
				o.action = args[0]
			}
			return a.runTrust(cmd, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.store, "store", "", "`STORE`: system, chromium, firefox, java or all (default: all but java)")
	f.BoolVar(&o.user, "user", false, "only this user's stores, which do not need root")
	f.BoolVar(&o.allUsers, "all-users", false, "the browsers of all users, through their policies")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the commands, but run none")
	a.addJSON(cmd)
	return cmd
}

func (a *app) runTrust(cmd *cobra.Command, o trustOptions) error {
	stores, storeErr := trust.ParseStores(o.store)
	if err := errors.Join(storeErr, o.check(cmd)); err != nil {
		return err
	}
	roots, err := a.trustRoots(o.action)
	if err != nil {
		return err
	}
	t := trustRun{a, o, a.thisComputer(), trust.Request{Roots: roots, Stores: stores, Scope: o.scope()}}
	switch o.action {
	case trustStatus:
		return t.status(cmd.Context())
	case trustRemove:
		return t.change(cmd.Context(), t.computer.Remove)
	}
	return t.change(cmd.Context(), t.computer.Install)
}

// check refuses what makes no sense together.
func (o trustOptions) check(cmd *cobra.Command) error {
	var faults []error
	if o.action != trustInstall && o.action != trustRemove && o.action != trustStatus {
		faults = append(faults, fmt.Errorf("%q is not one of install, remove, status", o.action))
	}
	if o.user && o.allUsers {
		faults = append(faults, errors.New("--user and --all-users cannot be used together"))
	}
	if o.action == trustStatus && o.dryRun {
		faults = append(faults, errors.New("--dry-run has no effect on status, which never changes a store"))
	}
	for i := range faults {
		faults[i] = usageFault(cmd, faults[i])
	}
	return errors.Join(faults...)
}

func (o trustOptions) scope() trust.Scope {
	switch {
	case o.user:
		return trust.ThisUser
	case o.allUsers:
		return trust.AllUsers
	}
	return trust.Default
}

// trustRoots returns the roots that an action is about.
func (a *app) trustRoots(action string) (roots []*x509.Certificate, err error) {
	err = a.with(func(c *pki.CA) (err error) {
		if action == trustRemove {
			roots, err = c.EveryRoot()
		} else {
			roots, err = c.RootsToTrust(a.Now())
		}
		return err
	})
	return roots, err
}

func (a *app) thisComputer() trust.Computer {
	if a.Computer != nil {
		return *a.Computer
	}
	return trust.ThisComputer(a.Getenv)
}

// trustRun is one run of trust.
type trustRun struct {
	app      *app
	options  trustOptions
	computer trust.Computer
	request  trust.Request
}

// install returns the run of trust that makes the same stores trust the roots.
func (t *trustRun) install() fault.Command {
	words := fault.Command{"trust"}
	if t.options.store != "" {
		words = append(words, "--store", t.options.store)
	}
	if t.options.user {
		words = append(words, "--user")
	}
	return words
}

// errDistrust says that stores of this computer do not trust the CA.
func (t *trustRun) errDistrust(stores, of int) error {
	name := t.request.Roots[0].Subject.CommonName
	text := "the store does not trust " + name
	if of > 1 {
		text = fmt.Sprintf("%d of %d stores do not trust %s", stores, of, name)
	}
	return found(text, fault.Hintf("%s", t.install()))
}

func (t *trustRun) status(ctx context.Context) error {
	all, err := t.computer.Status(ctx, t.request)
	if err != nil {
		return err
	}
	var stores []trustedJSON
	distrust := 0
	for _, s := range all {
		stores = append(stores, trustedJSON{Store: s.Store, Place: s.Place, State: s.State, fault: fault.WithCode(s.Err, fault.Found)})
		if s.State != trust.Trusted && s.Err == nil {
			distrust++
		}
	}
	r := t.result(stores)
	errs := append([]error{t.print(r)}, r.faults()...)
	if distrust > 0 {
		errs = append(errs, t.errDistrust(distrust, len(all)))
	}
	return errors.Join(errs...)
}

// change plans, and runs the plan unless only its commands are wanted.
func (t *trustRun) change(ctx context.Context, plan func(context.Context, trust.Request) (*trust.Plan, error)) error {
	p, err := plan(ctx, t.request)
	if err != nil {
		return err
	}
	if t.options.dryRun {
		return t.dryRun(p)
	}
	ctx, stop := t.app.Interrupts(ctx)
	defer stop()
	results, err := p.Run(ctx, t.announce)
	if err != nil {
		return err
	}
	r := t.result(describeChanges(results))
	r.Advice = p.Advice
	err = t.print(r)
	if ctx.Err() != nil {
		return errors.Join(err, terminal.ErrInterrupted)
	}
	return errors.Join(append([]error{err}, r.faults()...)...)
}

func describeChanges(results []trust.Result) []trustedJSON {
	var found []trustedJSON
	for _, one := range results {
		found = append(found, trustedJSON{Store: one.Store, Place: one.Place, State: one.After, Before: one.Before, Changed: one.Changed, fault: one.Err})
	}
	return found
}

// announce prints a command that is about to run as root, while it may still be
// refused.
func (t *trustRun) announce(step trust.Step) {
	if !step.Root {
		return
	}
	text := "running: " + step.String()
	if strings.HasSuffix(step.Args[len(step.Args)-1], "update-ca-certificates") {
		text += "   (this takes a few seconds)"
	}
	fmt.Fprintln(t.app.Stderr, terminal.Printable(text))
}

// missing explains a store that does not exist here. It is a fault only if the
// user asked for that store, or if there is no other.
func (t *trustRun) missing(store trust.Store) trustedJSON {
	return trustedJSON{Store: store, State: noStore, fault: t.computer.NotFound(store, t.request.Scope)}
}
