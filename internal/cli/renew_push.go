package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/picoca/picoca/internal/pki"
)

// pushRenewed pushes a certificate that was just renewed, and prints that unless
// the certificate's JSON will have it.
func (a *app) pushRenewed(ctx context.Context, c *pki.CA, name string, o renewOptions) (*pushedJSON, error) {
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	request := pki.PushRequest{Name: name, Access: a.access(ctx, o.access)}
	p, files, err := a.pushOne(ctx, c, request)
	if err != nil {
		return nil, a.interrupted(ctx, errUnpushed(name, err))
	}
	if a.json {
		r := describePush(p, files, false)
		return &r, nil
	}
	return nil, a.printPushed(p, files, pushOptions{PushRequest: request})
}

// errUnpushed says that a certificate is renewed, and its device still has the
// previous one. Its hint is that of the cause, which knows the way to the device.
func errUnpushed(name string, err error) error {
	return fmt.Errorf("%s is not on its device yet: %w", pki.DisplayName(name), err)
}

// push pushes what was renewed, and what did not reach its device before. A
// device that cannot be reached stops no other.
func (r *renewalReport) push(ctx context.Context, c *pki.CA) error {
	if !r.options.push {
		return nil
	}
	ctx, stop := r.app.Interrupts(ctx)
	defer stop()
	waiting, _ := c.Unpushed() // what cannot be read was reported as not renewed
	var faults []error
	for _, issued := range waiting {
		request := pki.PushRequest{Name: issued.Record.Name, Access: r.app.access(ctx, r.options.access)}
		p, files, err := r.app.pushOne(ctx, c, request)
		if ctx.Err() != nil {
			return errors.Join(append(faults, r.app.interrupted(ctx, err))...)
		}
		if err != nil {
			faults = append(faults, errUnpushed(issued.Record.Name, err))
			continue
		}
		r.pushed(p, files)
	}
	return errors.Join(faults...)
}

func (r *renewalReport) pushed(p *pki.Push, files pki.PushedFiles) {
	r.app.noteUpdates(p, files)
	r.JSON.Pushed = append(r.JSON.Pushed, describePush(p, files, false))
	if !r.app.json {
		r.app.say("%s: pushed to %s", pki.DisplayName(p.Name()), placeText(p))
		r.app.saySteps(p, files)
	}
}
