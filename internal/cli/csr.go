package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

// keyFlags say where the private key is made and kept.
type keyFlags struct {
	csr    string
	forget bool
}

func (f *keyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.csr, "csr", "", "`FILE` with a certificate request (CSR) of a device that keeps its key; - is standard input")
	cmd.Flags().BoolVar(&f.forget, "forget-key", false, "write the key to the output folder only, and keep none in the store")
}

// apply fills in a request. A file that cannot be used comes with its name.
func (f *keyFlags) apply(a *app, r *pki.Request) (err error) {
	if a.given("forget-key") {
		r.ForgetKey = &f.forget
	}
	if a.given("csr") {
		r.CSR, err = a.readCSR(f.csr)
	}
	return err
}

func (a *app) readCSR(name string) (*ca.CSR, error) {
	shown := fmt.Sprintf("certificate request %q", name)
	if name == "-" {
		shown = "certificate request on standard input"
		if terminal.Is(a.Stdin) {
			a.note("paste the certificate request, then press Enter and Ctrl-D")
		}
	}
	data, err := a.readInput(shown, name, ca.MaxCSR)
	if err != nil {
		return nil, err
	}
	request, err := ca.ParseCSR(data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", shown, err)
	}
	return &request, nil
}

// noteCSR shows what a certificate request asks for, and what it does not get.
func (a *app) noteCSR(p *pki.Plan) {
	csr := p.CSR()
	if csr == nil {
		return
	}
	names := "no names"
	if all := csr.Names.All(); len(all) > 0 {
		names = displayNames(csr.Names)
	}
	a.note("the request has an %s key, and asks for %s", csr.Key, names)
	if ignored := p.Ignored(); len(ignored) > 0 {
		a.note("not taken from the request: %s", terminal.Some(ignored, maxIgnoredShown))
	}
	if csr.HasPrivateKey {
		a.note("the file also holds a private key, which picoca neither needs nor reads: keep it to yourself")
	}
	if csr.LowExponent {
		a.note("the RSA key has a public exponent below 65537, which some clients refuse")
	}
}

// maxIgnoredShown is how much of a request a note lists: --json has all of it.
const maxIgnoredShown = 30

// noteKey says who has the key, where that is not the store.
func (a *app) noteKey(p *pki.Plan) {
	switch {
	case p.KeyKept == store.KeptInFiles:
		a.note("the store has no copy of the key: if the files are lost, %s makes a new one", a.command("renew", p.Name()))
	case p.WritesOtherFiles() && p.Target.Device.ID != "":
		a.note("the file for %s would hold the key too, so these are written instead", p.Target.Name())
	}
}

// requestJSON is a certificate request as --json prints it.
type requestJSON struct {
	Names   []string `json:"names"`
	Ignored []string `json:"ignored"`
}

func describeCSR(p *pki.Plan) *requestJSON {
	if p.CSR() == nil {
		return nil
	}
	return &requestJSON{listed(p.CSR().Names.Strings()), p.Ignored()}
}

// keyText is a key's type, and who has it.
func keyText(i store.Issued) string {
	text := ca.KeyType(pki.Describe(i).Key).String()
	switch {
	case i.Record.KeyKept == store.KeptByDevice:
		return text + ", kept by the device"
	case i.Record.KeyKept == store.KeptInFiles:
		return text + ", only in the files"
	case !i.HasKey:
		return text + ", missing from the store"
	}
	return text
}
