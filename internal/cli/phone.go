package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/onboard"
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
	json         bool
	passphrase   passphraseFlags
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
				return a.runSheet(cmd, o)
			}
			return a.runPhone(cmd.Context(), o)
		},
	}
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
	f.BoolVar(&o.json, "json", false, "print events as lines of JSON; with --sheet, the result")
	o.passphrase.add(cmd)
	o.p12.add(cmd)
	return cmd
}

// untrustedError says that the time was up before a phone trusted the CA.
type untrustedError struct{ limit time.Duration }

func (e *untrustedError) Error() string {
	return fmt.Sprintf("no phone proved within %s that it trusts the CA", e.limit)
}

func (*untrustedError) ExitCode() int { return fault.Found }

// Hint says how to succeed.
func (*untrustedError) Hint() fault.Hint {
	return fault.Hintf("follow the steps on the page to the last one, the check; --limit gives more time")
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
	}
	return nil
}

// phoneRun is one run of phone: what was decided so far.
type phoneRun struct {
	options   phoneOptions
	ca        *pki.CA
	offer     onboard.Offer
	p12       p12Choice
	address   onboard.Address
	others    []onboard.Address
	listeners onboard.Listeners
	server    *onboard.Server
	log       *phoneLog
}

func (a *app) runPhone(ctx context.Context, o phoneOptions) (err error) {
	r := &phoneRun{options: o, log: &phoneLog{app: a, json: o.json, trusting: map[netip.Addr]bool{}}}
	if r.ca, err = a.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.ca.Close()) }()
	if err := a.phoneOffer(r); err != nil {
		return err
	}
	filter, err := onboard.ParseFilter(o.iface, o.address)
	if err != nil {
		return err
	}
	network, err := onboard.ReadNetwork()
	if err != nil {
		return err
	}
	if r.address, r.others, err = network.Choose(filter); err != nil {
		return err
	}
	if r.listeners, err = onboard.Listen(r.address, o.port); err != nil {
		return err
	}
	defer r.listeners.Close()
	if err := r.ca.CheckPicture(o.png, o.force); err != nil {
		return pictureFault(err)
	}
	if err := a.startPhone(ctx, r); err != nil {
		return err
	}
	return a.servePhone(ctx, r)
}

// phoneOffer is what the phone gets: the roots in their forms, the devices, and
// the identity, if one is asked for.
func (a *app) phoneOffer(r *phoneRun) error {
	files, err := r.ca.PhoneFiles(r.options.devices, a.Now())
	if err != nil {
		return err
	}
	r.offer = onboard.Offer{Roots: files.Roots, Profile: files.Profile}
	for _, clip := range files.WebClips {
		r.offer.Devices = append(r.offer.Devices, onboard.Link{Name: clip.Label, URL: clip.URL})
	}
	if r.options.identity == "" {
		return nil
	}
	if r.p12, err = a.keyP12(r.options.p12, export.LegacyDES, r.options.force); err != nil {
		return err
	}
	identity, err := r.ca.IdentityFiles(r.options.identity, r.p12.P12, a.Now())
	if err != nil {
		return err
	}
	r.offer.Identity = &onboard.Identity{Name: identity.Name, Stem: identity.Stem, P12: identity.P12, Profile: identity.Profile, PhoneProfile: identity.PhoneProfile}
	return a.checkScreen(r.p12, r.options.p12)
}

// startPhone has the two certificates of the HTTPS stage signed, prepares the
// server, and prints where it is.
func (a *app) startPhone(ctx context.Context, r *phoneRun) error {
	certs, err := a.signElsewhere(ctx, r.address.IP(), r.options.passphrase, r.options.json)
	if err != nil {
		return err
	}
	r.server, err = onboard.New(onboard.Config{
		Offer: r.offer, Listeners: r.listeners, Check: certs[0], Proof: certs[1],
		UntilTrusted: r.options.untilTrusted, Now: a.Now, Notify: r.log.note,
	})
	if err != nil {
		return err
	}
	return a.printPhone(ctx, r)
}

// servePhone serves until the limit, an interrupt, or the proof.
func (a *app) servePhone(ctx context.Context, r *phoneRun) error {
	ctx, stop := a.Interrupts(ctx)
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
	var err error
	switch {
	case len(r.log.trusting) > 0:
	case reason == endedByUser:
		err = terminal.ErrInterrupted
	case r.options.untilTrusted:
		err = &untrustedError{r.options.limit}
	}
	r.log.end(reason, err)
	return err
}

// pictureFault gives an error about the file of --png the hint for that flag.
func pictureFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errno.Is(err, syscall.ENOSPC):
		return fault.With(err, fault.Hintf("make room on that disk, or choose another file with --png"))
	}
	return fault.With(err, fault.Hintf("choose another file with --png, or replace an existing one with --force"))
}
