package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
)

type identityOptions struct {
	leafOptions
	wifi wifiFlags
}

// wifiFlags are a network that an identity's Apple profile sets up.
type wifiFlags struct{ ssid, radius string }

func (f *wifiFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.ssid, "wifi", "", "let the .mobileconfig set up the Wi-Fi network `SSID` with this identity (EAP-TLS)")
	cmd.Flags().StringVar(&f.radius, "radius-domain", "", "`NAME` in the certificate of that network's RADIUS server")
}

// apply fills in a request. --wifi "" takes the network out of a renewal.
func (f *wifiFlags) apply(a *app, r *pki.Request) error {
	if !a.given("wifi") && !a.given("radius-domain") {
		return nil
	}
	if (f.ssid == "") != (f.radius == "") {
		return misuse("--wifi and --radius-domain need each other: a phone must know which server may see its identity",
			fault.Hintf("for example: %s", fault.Command{"identity", "Anna's phone", "--wifi", "Home", "--radius-domain", "radius.home.arpa"}))
	}
	r.WiFi = &store.WiFi{SSID: f.ssid, RadiusDomain: f.radius}
	return nil
}

func (a *app) identityCommand() *cobra.Command {
	var o identityOptions
	cmd := &cobra.Command{
		Use: "identity NAME",
		Long: `Issues an identity: a certificate and key with which a phone, computer or board
proves to a server who it is (mutual TLS). NAME is any text; quote it if it has
spaces.`,
		Example: `  picoca identity "Kitchen tablet"
  picoca identity "Garden sensor" --for esp32/arduino
  picoca identity "Anna's phone" --wifi Home --radius-domain radius.home.arpa`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) > 1 {
				return errOneIdentity(given[1])
			}
			return args(1, 1, `a name such as "Kitchen tablet"`)(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "-" {
				return errOutDash(cmd)
			}
			return a.runIdentity(cmd.Context(), args[0], o)
		},
	}
	addFor(cmd, &o.forDevice, "any phone or computer")
	o.add(a, cmd, "the name", bestKey)
	o.p12.add(cmd)
	o.wifi.add(cmd)
	return cmd
}

func errOneIdentity(extra string) error {
	return misuse(fmt.Sprintf("expected one identity; got %q as well", extra),
		fault.Hintf("put quotes around a name that has spaces: %s", fault.Command{"identity", "Garden sensor"}))
}

func (a *app) runIdentity(ctx context.Context, raw string, o identityOptions) error {
	request, optionsErr := o.request(a)
	var nameErr error
	request.Client, nameErr = ca.ParseClientName(raw)
	p12, p12Err := a.chooseP12(o.p12, pki.Identity, o.force)
	if err := errors.Join(nameErr, optionsErr, p12Err, o.wifi.apply(a, &request)); err != nil {
		return err
	}
	return a.with(func(c *pki.CA) error { return a.issueOne(ctx, c, request, o.leafOptions, p12) })
}

// errNoP12 says that flags for a .p12 change nothing.
func errNoP12(name string) error {
	return misuse(fmt.Sprintf("--p12-profile, --p12-passphrase-file and --show-passphrase have no effect: no .p12 is written for %s", name),
		fault.Hintf("leave them out"))
}

func (a *app) printIdentity(r issuedJSON, p *pki.Plan) error {
	a.say("%s: identity, %s, valid until %s.", r.Name, p.Key, pki.Day(r.NotAfter))
	if r.DryRun {
		return a.printDryRun(r)
	}
	a.sayWritten(r.written)
	a.noteKey(p)
	a.noteStale(r.Stale)
	if p.KeyKept == store.KeptByDevice {
		a.say("next: %s", nextText(p, len(r.Files)))
	} else if p.Target.Device.ID == "" {
		a.say("next: open the .mobileconfig file on an Apple device, the .p12 file on any other")
		if p.KeyKept == store.KeptInStore && pki.HasPhonePage(p.Root()) {
			a.say("or hand it over by QR code: %s", a.command("phone", "--identity", r.Name))
		}
	} else {
		a.printLoading(r, p)
	}
	a.say("%s", a.needsRoot())
	return nil
}

// printLoading prints what the user does with the files of a device's identity.
func (a *app) printLoading(r issuedJSON, p *pki.Plan) {
	if p.Target.Device.IsBoard() {
		a.say("next: copy %s to the board%s", countText(len(r.Files)), a.publisherAside(p))
	}
	if !a.printInstall(p) && !p.Target.Device.IsBoard() {
		a.say("next: copy %s to the %s", countText(len(r.Files)), placeOf(p.Target))
	}
	if heap := p.ClientHeap(); heap[1] > 0 {
		a.say("a connection to a server takes %s of the board's memory", device.Span(heap))
	}
}

// publisherAside mentions the example that publishes, where there is one for the
// board.
func (a *app) publisherAside(p *pki.Plan) string {
	if p.HasExample() {
		return fmt.Sprintf(" (or run %s for a complete project)", a.command("example", p.Name(), "--mqtt", "BROKER"))
	}
	return ""
}
