package pki

import (
	"errors"
	"fmt"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// OtherRootError says that a board could not verify its broker, or the broker the
// board.
type OtherRootError struct{ Name, Broker string }

func (e *OtherRootError) Error() string {
	return fmt.Sprintf("certificates of %q and %q are by different roots", e.Name, e.Broker)
}

// Hint renews both.
func (e *OtherRootError) Hint() fault.Hint {
	return fault.Hintf("renew both, and install the files of the broker: %s and %s", fault.Command{"renew", e.Broker}, fault.Command{"renew", e.Name})
}

// AddressError says that a firmware does not find the broker's address in its
// certificate.
type AddressError struct{ Broker, Firmware string }

func (e *AddressError) Error() string {
	return fmt.Sprintf("%s compares no addresses with a certificate, and the broker's is for %s", e.Firmware, e.Broker)
}

// Hint gives the broker a name.
func (e *AddressError) Hint() fault.Hint {
	return fault.Hintf("issue the broker's certificate for a name: %s", fault.Command{"issue", "broker.local", "--for", "mosquitto"})
}

// projectOf returns the certificate that a project is about: a device's that
// serves, or for a publisher one that brokers accept.
func (c *CA) projectOf(req ProjectRequest) (store.Issued, error) {
	want := Device
	if req.Broker != "" {
		want = Identity
	}
	issued, err := c.FindKind(req.Name, want)
	wrong, isWrong := errors.AsType[*WrongKindError](err)
	switch {
	case isWrong && wrong.Got == Device:
		if issued, err := c.Find(req.Name); err == nil && issued.Record.Kind == ca.KindBoth {
			return issued, nil
		}
		return issued, fault.With(err, fault.Hintf("a broker accepts identities: %s", fault.Command{"identity", "Garden sensor", "--for", DefaultDevice}))
	case isWrong && wrong.Got == Identity:
		return issued, fault.With(err, fault.Hintf("for a board that publishes to an MQTT broker with it: %s", fault.Command{"example", req.Name, "--mqtt", "broker.local"}))
	}
	return issued, err
}

func (p *Project) kind() example.Kind {
	if p.request.Broker != "" {
		return example.Publisher
	}
	return example.Server
}

// findBroker checks that the board and its broker can verify each other.
func (p *Project) findBroker() error {
	if p.request.Broker == "" {
		return nil
	}
	issued, err := p.ca.FindKind(p.request.Broker, Device)
	if missing, ok := errors.AsType[*NotIssuedError](err); ok {
		if _, err := ca.ParseNames([]string{missing.Input}); err != nil {
			return err // such as for broker.local:8883
		}
		return fault.With(err, fault.Hintf("issue the broker's certificate first: %s", fault.Command{"issue", missing.Input, "--for", "mosquitto"}))
	}
	if err != nil {
		return err
	}
	p.Broker = issued.Record.Name
	if !issued.Root.Certificate.Equal(p.issued.Root.Certificate) {
		return &OtherRootError{p.Name, p.Broker}
	}
	if rows := p.target.IgnoresAddresses(); len(rows) > 0 && p.Reach() == example.ReachAddress {
		return &AddressError{p.Broker, rows[0].String()}
	}
	return nil
}
