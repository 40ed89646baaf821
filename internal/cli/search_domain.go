package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/picoca/picoca/internal/pki"
)

// resolvConf is where the system keeps the network's search domain
// (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// offerSearchDomain asks whether the CA may also vouch for the domain that the
// router hands out, such as fritz.box: it cannot be added to a root later.
// Without a terminal it only prints a note.
func (a *app) offerSearchDomain(ctx context.Context, o *initOptions) error {
	if len(o.only) > 0 {
		return nil
	}
	data, err := os.ReadFile(cmp.Or(a.ResolvConf, resolvConf))
	if err != nil {
		return nil // Windows has none
	}
	domain, wider, ok := pki.SearchDomain(string(data), o.Root.Constraints)
	if !ok {
		return nil
	}
	question := fmt.Sprintf("This network's search domain is %s (from %s).", domain, resolvConf)
	if !a.prompter().CanAsk() {
		a.note("%s To allow this CA to issue for it: %s. Adding it later needs a new root.", question, a.command("init", "--permit", domain))
		return nil
	}
	yes, err := a.prompter().Confirm(ctx, question+" Allow this CA to issue for it? Adding it later needs a new root.")
	if yes {
		o.Root.Constraints = wider
	}
	return err
}
