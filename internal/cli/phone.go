package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/store"
)

// phoneLife is how long the certificates of the HTTPS stage are valid. They
// are stored nowhere.
const phoneLife = time.Hour

// maxPhone is the longest time limit: the certificates must outlast it.
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
	force        bool
	json         bool
	passphrase   passphraseFlags
}

func (a *app) phoneCommand() *cobra.Command {
	var o phoneOptions
	cmd := &cobra.Command{
		Use:   "phone",
		Short: "Bring the CA to a phone: QR code, page, and proof that it worked",
		Long: `Starts a short-lived server in your home network and prints a QR code. The
phone opens a page with the CA's certificate and the steps to trust it, and
checks over HTTPS that it does. Compare the fingerprint on the phone before
you switch trust on: the page itself comes over plain HTTP.`,
		Example: `  picoca phone
  picoca phone --device pico.local --until-trusted
  picoca phone --identity kitchen-tablet`,
		Args: exactly(0, "none"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runPhone(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.iface, "interface", "", "network interface to serve on (default: the one with the default route)")
	f.StringVar(&o.address, "address", "", "address of this computer to serve on")
	f.Uint16Var(&o.port, "port", 8440, "first of three ports in a row; 0 takes any that are free")
	f.DurationVar(&o.limit, "for", 10*time.Minute, "time limit, at most 50m")
	f.BoolVar(&o.untilTrusted, "until-trusted", false, "end when a phone has proved that it trusts the CA")
	f.StringArrayVar(&o.devices, "device", nil, "`NAME[=URL]` of a device: an icon on the home screen, and a link at the end (repeatable)")
	f.StringVar(&o.identity, "identity", "", "`LABEL` of a client identity to hand over, once, to a phone that trusts the CA")
	f.StringVar(&o.png, "png", "", "`FILE` to save the QR code to")
	f.BoolVar(&o.force, "force", false, "replace the file of --png; allow a weak passphrase")
	f.BoolVar(&o.json, "json", false, "print events as lines of JSON")
	f.StringVar(&o.passphrase.file, "passphrase-file", "", "file whose first line is the passphrase of the root key")
	o.p12.add(cmd)
	return cmd
}

// untrustedError says that the time was up before a phone trusted the CA.
type untrustedError struct{ limit time.Duration }

func (e untrustedError) Error() string {
	return fmt.Sprintf("no phone has proved within %s that it trusts the CA", e.limit)
}

// check finds what is wrong with the command line itself.
func (o phoneOptions) check() error {
	var fault error
	switch {
	case o.limit < time.Second || o.limit > maxPhone:
		fault = fmt.Errorf("--for %s is not between 1s and %s", o.limit, spanText(maxPhone))
	case o.port > maxPort:
		fault = fmt.Errorf("--port %d leaves no room for three ports in a row: want at most %d", o.port, maxPort)
	case o.identity == "" && o.p12 != (p12Flags{}):
		fault = errors.New("--p12-profile, --p12-passphrase-file and --show-passphrase are for --identity")
	default:
		return nil
	}
	return usageError{fault, "picoca phone"}
}

func (a *app) runPhone(ctx context.Context, o phoneOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	s, authority, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	offer, p12, err := a.phoneOffer(s, authority, o)
	if err != nil {
		return err
	}
	address, others, err := chooseAddress(o)
	if err != nil {
		return err
	}
	listeners, err := onboard.Listen(address, o.port)
	if err != nil {
		return listenError{err}
	}
	defer listeners.Close()
	picture, err := a.openPicture(ctx, o.png, authority.Certificate(), o.force)
	if err != nil {
		return pictureError{err}
	}
	defer func() { err = errors.Join(err, picture.close()) }()
	if err := a.unlock(ctx, s, authority, o.passphrase); err != nil {
		return err
	}
	log := &phoneLog{app: a, json: o.json, trusting: map[netip.Addr]bool{}}
	config := onboard.Config{Offer: offer, Listeners: listeners, UntilTrusted: o.untilTrusted, Now: a.Now, Notify: log.note}
	if config.Check, config.Seal, err = phoneLeaves(authority, address, a.Now()); err != nil {
		return err
	}
	server, err := onboard.New(config)
	if err != nil {
		return err
	}
	serving := phoneServing{server.URL(), fingerprint(authority.Certificate()), address, others}
	if err := a.tellPhone(ctx, o, serving, p12, picture); err != nil {
		return err
	}
	return a.servePhone(ctx, o, server, log)
}

// listenError says why a port cannot be served on.
type listenError struct{ error }

func (e listenError) Unwrap() error { return e.error }

// servePhone serves until the limit, an interrupt, or the proof.
func (a *app) servePhone(ctx context.Context, o phoneOptions, server *onboard.Server, log *phoneLog) error {
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	limited, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if err := server.Run(limited); err != nil {
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
	case len(log.trusting) > 0:
	case reason == endedByUser:
		err = errInterrupted
	case o.untilTrusted:
		err = untrustedError{o.limit}
	}
	log.end(reason, err)
	return err
}

// phoneOffer is what the phone gets: the root in its forms, the devices, and
// the identity, if one is asked for.
func (a *app) phoneOffer(s *store.Store, authority *ca.Authority, o phoneOptions) (onboard.Offer, p12Choice, error) {
	clips, err := parseWebClips(o.devices, authority)
	if err != nil {
		return onboard.Offer{}, p12Choice{}, err
	}
	format, err := export.Find("mobileconfig")
	if err != nil {
		return onboard.Offer{}, p12Choice{}, err
	}
	profile, err := format.CA(export.Bundle{Root: authority.Certificate(), WebClips: clips})
	if err != nil {
		return onboard.Offer{}, p12Choice{}, err
	}
	offer := onboard.Offer{Root: authority.Certificate(), Profile: profile[0].Data}
	for _, clip := range clips {
		offer.Devices = append(offer.Devices, onboard.Link{Name: clip.Label, URL: clip.URL})
	}
	if o.identity == "" {
		return offer, p12Choice{}, nil
	}
	identity, p12, err := a.phoneIdentity(s, o)
	offer.Identity = identity
	return offer, p12, err
}

// notClientError says that what should be handed over is no client identity.
type notClientError struct{ name string }

func (e notClientError) Error() string { return fmt.Sprintf("%q is not a client identity", e.name) }

func (a *app) phoneIdentity(s *store.Store, o phoneOptions) (*onboard.Identity, p12Choice, error) {
	subject, err := find(s, o.identity)
	if err == nil && subject.kind != aClient {
		err = notClientError{o.identity}
	}
	if err != nil {
		return nil, p12Choice{}, err
	}
	e := &exporting{subject: subject, formats: clientFormats}
	if e.p12, err = a.keyP12(o.p12, export.LegacyDES, o.force); err != nil {
		return nil, p12Choice{}, err
	}
	if err := a.checkScreen(e.p12, o.p12); err != nil {
		return nil, p12Choice{}, err
	}
	if e.bundle, err = e.load(s); err != nil {
		return nil, p12Choice{}, err
	}
	if err := e.ended(a.Now()); err != nil {
		return nil, p12Choice{}, err
	}
	files, err := e.render()
	if err != nil {
		return nil, p12Choice{}, err
	}
	return &onboard.Identity{Name: subject.display, Stem: subject.stem(), P12: files[0].Data, Profile: files[1].Data}, e.p12, nil
}

// phoneLeaves signs the two certificates of the HTTPS stage. The root's key is
// forgotten afterwards.
func phoneLeaves(authority *ca.Authority, address onboard.Address, now time.Time) (check, seal tls.Certificate, err error) {
	defer authority.Lock()
	names, err := ca.ParseNames([]string{address.IP().String()})
	if err != nil {
		return check, seal, err
	}
	leaf := func() (tls.Certificate, error) {
		key, err := ca.P256.Generate()
		if err != nil {
			return tls.Certificate{}, err
		}
		prepared, err := authority.Prepare(ca.Profile{Life: phoneLife, Cut: true}, names, key.Public(), now)
		if err != nil {
			return tls.Certificate{}, err
		}
		cert, err := authority.Sign(prepared)
		if err != nil {
			return tls.Certificate{}, err
		}
		return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
	}
	check, err = leaf()
	if err != nil {
		return check, seal, err
	}
	seal, err = leaf()
	return check, seal, err
}
