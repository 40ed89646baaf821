package cli

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/output"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/terminal"
)

// maxPhone is the longest time limit: the certificates of the HTTPS stage, valid
// for an hour, must outlast it.
const maxPhone = 50 * time.Minute

// maxPort is the last first port: two more follow it.
const maxPort = 65533

type phoneOptions struct {
	iface        string
	address      string
	port         uint16
	limit        time.Duration
	untilTrusted bool
	devices      []string
	identity     string
	p12          p12Flags
	png          string
	sheet        string
	large        bool
	force        bool
}

func (a *app) phoneCommand() *cobra.Command {
	var o phoneOptions
	cmd := &cobra.Command{
		Use: "phone",
		Long: `Starts a short-lived server in your home network and prints a QR code. The phone
opens a page with the root certificate and the steps to trust it, and checks
over HTTPS that it does. Compare the fingerprint on the phone before you switch
trust on: the page itself comes over plain HTTP.

With --sheet it starts no server, and writes a page to print instead: a QR code
that leads to a board made by picoca example, which serves the root certificate
for good, and the fingerprint to compare.`,
		Example: `  picoca phone
  picoca phone --device pico.local --until-trusted
  picoca phone --identity kitchen-tablet
  picoca phone --sheet sheet.html`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return usageFault(cmd, err)
			}
			if cmd.Flags().Changed("sheet") {
				device, err := o.sheetDevice(cmd.Flags())
				if err != nil {
					return usageFault(cmd, err)
				}
				return a.with(func(c *pki.CA) error { return a.runSheet(cmd.Context(), c, device, o) })
			}
			return a.with(func(c *pki.CA) error { return a.runPhone(cmd.Context(), c, o) })
		},
	}
	o.add(a, cmd)
	return cmd
}

func (o *phoneOptions) add(a *app, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.devices, "device", nil, "`NAME[=URL]` of a device: an icon on the home screen, and a link at the end (repeatable); with --sheet, the board it leads to")
	f.StringVar(&o.identity, "identity", "", "`NAME` of an identity to hand over, once, to a phone that trusts the CA")
	f.BoolVar(&o.untilTrusted, "until-trusted", false, "stop as soon as a phone proves that it trusts the CA")
	f.DurationVar(&o.limit, "limit", 10*time.Minute, "`TIME` to serve for, at most 50m")
	f.Lookup("limit").DefValue = spanText(o.limit)
	f.BoolVar(&o.large, "large", false, "draw the QR code twice as large, for terminals that add space between lines")
	f.StringVar(&o.png, "png", "", "`FILE` to save the QR code to")
	f.StringVar(&o.sheet, "sheet", "", "`FILE` for a page to print, for phones that come later")
	f.StringVar(&o.iface, "interface", "", "`NAME` of the network interface to serve on (default: the one with the default route)")
	f.StringVar(&o.address, "address", "", "`IP` address of this computer to serve on")
	f.Uint16Var(&o.port, "port", 8440, "first of three ports in a row, starting at `N`; 0: any free ones")
	f.BoolVar(&o.force, "force", false, "replace the file of --png or --sheet; allow a weak passphrase")
	f.BoolVar(&a.json, "json", false, "print events as lines of JSON; with --sheet, the result")
	a.addPassphrase(cmd)
	o.p12.add(cmd)
}

// check finds what is wrong with the command line itself.
func (o phoneOptions) check() error {
	switch {
	case o.limit < time.Second || o.limit > maxPhone:
		return fmt.Errorf("--limit %s is not between 1s and %s", o.limit, spanText(maxPhone))
	case o.port > maxPort:
		return fmt.Errorf("--port %d leaves no room for three ports in a row; use at most %d", o.port, maxPort)
	case o.identity == "" && o.p12 != (p12Flags{}):
		return errors.New("--p12-profile, --p12-passphrase-file and --show-passphrase need --identity")
	case o.png == "-":
		return errors.New("--png writes a file, and not to standard output")
	}
	return nil
}

// phoneRun is one run of phone: what was decided so far.
type phoneRun struct {
	app     *app
	options phoneOptions
	offer   onboard.Offer
	p12     p12Choice
	place   onboard.Place
	server  *onboard.Server
}

func (a *app) runPhone(ctx context.Context, c *pki.CA, o phoneOptions) (err error) {
	r := &phoneRun{app: a, options: o}
	if err := r.makeOffer(c); err != nil {
		return err
	}
	if r.place, err = onboard.Open(o.iface, o.address, o.port); err != nil {
		return err
	}
	defer r.place.Close()
	if err := c.CheckPicture(o.png, o.force); err != nil {
		return placeFault(err, "--png")
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	return r.serve(ctx)
}

// makeOffer decides what the phone gets: the roots in their forms, the devices, and
// the identity, if one is asked for.
func (r *phoneRun) makeOffer(c *pki.CA) (err error) {
	o := r.options
	if r.offer, err = c.PhoneOffer(o.devices, r.app.Now()); err != nil || o.identity == "" {
		return err
	}
	if r.p12, err = r.app.chooseP12(o.p12, pki.Identity, o.force); err != nil {
		return err
	}
	if r.offer.Identity, err = c.PhoneIdentity(o.identity, r.p12.P12, r.app.Now()); err != nil {
		return err
	}
	return r.app.checkScreen(r.p12)
}

// start has the two certificates of the HTTPS stage signed, prepares the server, and
// prints where it is.
func (r *phoneRun) start(ctx context.Context) error {
	certs, err := r.app.signElsewhere(ctx, r.place.Address.IP())
	if err != nil {
		return err
	}
	r.server, err = onboard.New(onboard.Config{
		Offer: r.offer, Listeners: r.place.Listeners, Check: certs[0], Proof: certs[1],
		UntilTrusted: r.options.untilTrusted, Now: r.app.Now, Notify: r.printEvent,
	})
	if err != nil {
		return err
	}
	return r.print(ctx)
}

// serve serves until the limit, an interrupt, or the proof.
func (r *phoneRun) serve(ctx context.Context) error {
	ctx, stop := r.app.Interrupts(ctx)
	defer stop()
	limited, cancel := context.WithTimeout(ctx, r.options.limit)
	defer cancel()
	if err := r.server.Run(limited); err != nil {
		return err
	}
	reason := endedByProof
	if ctx.Err() != nil {
		reason = endedByUser
	} else if limited.Err() != nil {
		reason = endedByTime
	}
	untrusted := r.server.Trusting() == 0
	r.printEnd(reason, untrusted && r.options.untilTrusted && reason != endedByUser)
	switch {
	case untrusted && reason == endedByUser:
		return terminal.ErrInterrupted
	case untrusted && r.options.untilTrusted:
		return errUntrusted(r.options.limit)
	}
	return nil
}

// errUntrusted says that the time was up before a phone trusted the CA.
func errUntrusted(limit time.Duration) error {
	return found(fmt.Sprintf("no phone proved within %s that it trusts the CA", limit),
		fault.Hintf("follow the steps on the page to the last one, the check; --limit gives more time"))
}

// placeFault gives an error about the file of a flag the hint for that flag.
func placeFault(err error, flag string) error {
	exists, taken := errors.AsType[*output.ExistsError](err)
	_, enclosed := errors.AsType[*output.EnclosedError](err)
	switch {
	case err == nil:
		return nil
	case errno.Is(err, syscall.ENOSPC):
		return fault.With(err, fault.Hintf("make room on that disk, or choose another file with %s", flag))
	case enclosed:
		return fault.With(err, fault.Hintf("choose a file outside that folder with %s", flag))
	case taken && exists.Force:
		return fault.With(err, fault.Hintf("choose another file with %s, or replace an existing one with --force", flag))
	}
	return fault.With(err, fault.Hintf("choose another file with %s", flag))
}
