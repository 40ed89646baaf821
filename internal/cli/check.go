package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/terminal"
)

type checkOptions struct {
	server  string
	address string
	all     bool
	find    bool
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use: "check NAME[:PORT] | --all | --find",
		Long: `Connects to a device as a phone would, and shows each step with its time: its
address, TLS, the certificate. Compares that with what the CA issued for it. The
port is that of the device's program, else 443.

--find looks around the home network for servers of HTTPS and MQTT: at devices
that announce themselves, and at addresses that this computer has spoken to
lately. It looks at private addresses only, and takes a minute or two.`,
		Example: `  picoca check pico.local
  picoca check broker.local:8883
  picoca check nas.local --address 192.168.1.20
  picoca check --all
  picoca check --find`,
		Args: func(cmd *cobra.Command, given []string) error {
			if o.all || o.find {
				return args(0, 0, "")(cmd, given)
			}
			return args(1, 1, "a device's name, --all or --find")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.server = args[0]
			}
			address, err := o.parse(cmd)
			if err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runCheck(cmd.Context(), c, o, address) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.address, "address", "", "`IP` address of the device, instead of asking for its name")
	f.BoolVar(&o.all, "all", false, "every device with a certificate")
	f.BoolVar(&o.find, "find", false, "look for servers in the home network")
	a.addJSON(cmd)
	return cmd
}

func (a *app) runCheck(ctx context.Context, c *pki.CA, o checkOptions, address netip.Addr) (err error) {
	run := checkRun{app: a, options: o, prober: probe.Prober{Network: a.network(), Now: a.Now, Timeout: probe.Timeout}}
	if run.servers, err = c.Servers(); run.servers == nil {
		return err
	}
	if err != nil {
		a.note("%d certificates in the store are damaged: %s", len(fault.Flatten(err)), a.command("doctor"))
	}
	switch {
	case o.all:
		return run.all(ctx)
	case o.find:
		return run.find(ctx)
	}
	target, err := run.target(c, address)
	if err != nil {
		return err
	}
	return run.one(ctx, target)
}

// parse returns the address, and refuses what makes no sense together.
func (o checkOptions) parse(cmd *cobra.Command) (netip.Addr, error) {
	switch {
	case o.all && o.find:
		return netip.Addr{}, usageFault(cmd, errors.New("--all and --find cannot be used together"))
	case o.address == "":
		return netip.Addr{}, nil
	case o.all || o.find:
		return netip.Addr{}, usageFault(cmd, errors.New("--address is for a single device"))
	}
	address, err := netip.ParseAddr(o.address)
	if err != nil {
		return address, usageFault(cmd, fmt.Errorf("--address: %q is not an IP address", o.address))
	}
	return address, nil
}

// network is the one that this run looks at.
func (a *app) network() probe.Network {
	if a.Network != nil {
		return *a.Network
	}
	return probe.ThisNetwork()
}

// checkRun is one run of check.
type checkRun struct {
	app     *app
	options checkOptions
	prober  probe.Prober
	servers *pki.Servers
}

func (r *checkRun) one(ctx context.Context, t probe.Target) error {
	report := r.prober.Check(ctx, t, r.expected(t.Name))
	if err := r.printReport(report); err != nil {
		return err
	}
	var faults []error
	for _, finding := range report.Problems() {
		faults = append(faults, finding)
	}
	return errors.Join(faults...)
}

// parallelChecks is how many devices are visited at once.
const parallelChecks = 8

func (r *checkRun) all(ctx context.Context) error {
	var targets []probe.Target
	for _, s := range r.servers.All() {
		targets = append(targets, probe.Target{Name: s.Host(), Port: s.Port})
	}
	if len(targets) == 0 {
		return fault.New("no device has a certificate", fault.Hintf("%s issues one; %s finds servers that could have one", fault.Command{"issue", "pico.local"}, fault.Command{"check", "--find"}))
	}
	r.progress("checking %d devices", len(targets))
	reports := r.prober.CheckAll(ctx, targets, parallelChecks, func(t probe.Target) probe.Expected { return r.expected(t.Name) })
	return r.summarize(reports, checksJSON{})
}

func (r *checkRun) find(ctx context.Context) error {
	r.progress("looking around: this takes a minute or two")
	found, err := r.prober.Find(ctx, r.expected)
	if err != nil {
		return fault.With(err, fault.Hintf("connect this computer to the home network"))
	}
	if found.Cut {
		r.app.note("the search ended before it was through: the network has too many devices, or they are slow")
	}
	return r.summarize(found.Reports, checksJSON{Places: &found.Places, Cut: found.Cut})
}

// progress says on a terminal what takes its time.
func (r *checkRun) progress(format string, args ...any) {
	if terminal.Is(r.app.Stderr) && !r.app.json {
		r.app.note(format, args...)
	}
}

// errChecks says that servers have problems.
func errChecks(bad, of int, first fault.Command) error {
	text := fmt.Sprintf("1 server of %d has a problem", of)
	if bad > 1 {
		text = fmt.Sprintf("%d servers of %d have a problem", bad, of)
	}
	return found(text, fault.Hintf("%s shows all about the first", first))
}

// summarize prints a table of servers, and fails if one has a problem.
func (r *checkRun) summarize(reports []probe.Report, result checksJSON) error {
	if err := r.printReports(reports, result); err != nil {
		return err
	}
	bad := slices.DeleteFunc(slices.Clone(reports), func(r probe.Report) bool { return len(r.Problems()) == 0 })
	if len(bad) == 0 {
		return nil
	}
	return errChecks(len(bad), len(reports), checkAgain(bad[0]))
}

// checkAgain is the command that shows all about a server.
func checkAgain(report probe.Report) fault.Command {
	command := fault.Command{"check", report.Target.String()}
	if report.Target.Address.IsValid() && report.Target.Name != report.Target.Address.String() {
		command = append(command, "--address", report.Target.Address.String())
	}
	return command
}
