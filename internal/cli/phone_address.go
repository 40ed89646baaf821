package cli

import (
	"fmt"
	"net/netip"

	"github.com/picoca/picoca/internal/onboard"
)

// phoneAddressError says why there is no such address to serve on.
type phoneAddressError struct {
	error
	byInterface bool              // the user named an interface
	byAddress   bool              // the user named an address
	have        []onboard.Address // what a phone could reach, best first
}

func (e phoneAddressError) Unwrap() error { return e.error }

// chooseAddress returns the address to serve on, and the others that would do.
func chooseAddress(o phoneOptions) (onboard.Address, []onboard.Address, error) {
	network, err := onboard.ReadNetwork()
	if err != nil {
		return onboard.Address{}, nil, err
	}
	address, others, err := chooseIn(network, o)
	if err == nil {
		return address, others, nil
	}
	fault := phoneAddressError{error: err, byInterface: o.iface != "", byAddress: o.address != ""}
	if best, others, err := network.Choose(onboard.Wish{}); err == nil {
		fault.have = append([]onboard.Address{best}, others...)
	}
	return onboard.Address{}, nil, fault
}

func chooseIn(network onboard.Network, o phoneOptions) (onboard.Address, []onboard.Address, error) {
	wish := onboard.Wish{Interface: o.iface}
	if o.address != "" {
		ip, err := netip.ParseAddr(o.address)
		if err != nil {
			return onboard.Address{}, nil, fmt.Errorf("address %q is not an IP address", o.address)
		}
		wish.Address = ip
	}
	return network.Choose(wish)
}

// hintPhoneAddress names what this computer really has.
func hintPhoneAddress(e phoneAddressError) string {
	if len(e.have) == 0 {
		return "connect this computer to your home network"
	}
	best := e.have[0]
	switch {
	case e.byInterface && e.byAddress:
		return fmt.Sprintf("leave --interface out, and choose an address of this computer: --address %s", best.IP())
	case e.byInterface:
		return "choose an interface of this computer: --interface " + shellQuote(best.Interface())
	}
	return fmt.Sprintf("choose an address of this computer: --address %s", best.IP())
}
