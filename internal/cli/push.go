package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/terminal"
)

// accessFlags are for CircuitPython's web workflow.
type accessFlags struct {
	insecure bool
	file     string
}

func (f *accessFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.insecure, "insecure-http", false, "allow CircuitPython's web workflow, over which the key goes through the network unencrypted")
	cmd.Flags().StringVar(&f.file, "web-password-file", "", "`FILE` whose first line is the board's CIRCUITPY_WEB_API_PASSWORD")
}

var webSecret = secret{what: "the password of the board's web workflow", flag: "--web-password-file FILE"}

// access returns what package push needs for the web workflow.
func (a *app) access(ctx context.Context, f accessFlags) push.Access {
	return push.Access{InsecureHTTP: f.insecure, Password: func() ([]byte, error) {
		if f.file != "" {
			return a.secretIn("web password", f.file)
		}
		return a.ask(ctx, "Password of the board's web workflow: ", webSecret)
	}}
}

type pushOptions struct {
	pki.PushRequest
	access accessFlags
}

func (a *app) pushCommand() *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use: "push NAME",
		Long: `Copies the files of the newest certificate to the device that loads them, checks
them there, and only then lets them take the place of the previous ones. Other
files on the device stay as they are.

The first time, picoca looks for a board that is connected over USB: a drive of
CircuitPython, or a serial port of MicroPython. Name another place with --to: a
drive or folder, a serial port, http://ADDRESS for CircuitPython's web workflow,
or HOST:FOLDER for a computer that ssh reaches. Later, picoca finds the device
again, and refuses any other board.

A board with the project of picoca example --updates needs a cable only once:
then picoca reaches it at https://NAME:8443, or where --to says.`,
		Example: `  picoca push pico.local
  picoca push pico.local --example
  picoca push pico.local --to /dev/ttyACM0
  picoca push nas.local --to root@nas.local:/etc/ssl/nas
  picoca renew --due --push`,
		Args: args(1, 1, "the name of a device or an identity"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			if err := o.check(cmd); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runPush(cmd.Context(), c, o) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.To, "to", "", "`PLACE`: DRIVE, PORT, http://ADDRESS, https://ADDRESS:PORT or HOST:FOLDER (default: as before, else the only board)")
	f.BoolVar(&o.Example, "example", false, "the whole project that picoca example writes; keeps your Wi-Fi password")
	f.BoolVar(&o.MutualTLS, "mutual-tls", false, "with --example: let in only visitors with an identity of your CA")
	f.BoolVar(&o.Reset, "reset", false, "restart the board as its button does (serial port)")
	f.BoolVar(&o.Force, "force", false, "push to another board than before, and replace files that are not picoca's")
	a.addJSON(cmd)
	o.access.add(cmd)
	return cmd
}

func (o pushOptions) check(cmd *cobra.Command) error {
	var faults []error
	if cmd.Flags().Changed("to") && o.To == "" {
		faults = append(faults, usageFault(cmd, errors.New("--to is empty: name a place, or leave it out")))
	}
	if o.MutualTLS && !o.Example {
		faults = append(faults, usageFault(cmd, errors.New("--mutual-tls is for --example")))
	}
	return errors.Join(faults...)
}

func (a *app) runPush(ctx context.Context, c *pki.CA, o pushOptions) error {
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	o.Access = a.access(ctx, o.access)
	p, files, err := a.pushOne(ctx, c, o.PushRequest)
	if err == nil {
		err = a.printPushed(p, files, o)
	}
	return a.interrupted(ctx, err)
}

// pushOne reaches the device and puts the files there.
func (a *app) pushOne(ctx context.Context, c *pki.CA, request pki.PushRequest) (p *pki.Push, files pki.PushedFiles, err error) {
	progress := terminal.NewProgress(a.Stderr, a.Now)
	defer progress.Clear()
	request.Progress = func(name string, done, total int) {
		progress.Show(fmt.Sprintf("writing %s: %d of %s", name, done, terminal.Count(total, "byte")))
	}
	p, err = c.Reach(ctx, a.devices(), request, a.Now())
	if err != nil {
		return nil, files, err
	}
	files, err = p.Run(ctx, a.Now(), a.waiting)
	return p, files, errors.Join(err, p.Close())
}

// devices is the computer that boards are connected to.
func (a *app) devices() push.Computer {
	if a.Devices != nil {
		return *a.Devices
	}
	computer := push.ThisComputer()
	computer.Dial = probe.ThisNetwork().DialName
	return computer
}

// interrupted returns terminal.ErrInterrupted if the user ended the run, beside what must
// be known about the device.
func (a *app) interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	all := []error{terminal.ErrInterrupted}
	for _, one := range fault.Flatten(err) {
		if !errors.Is(one, context.Canceled) && !errors.Is(one, terminal.ErrInterrupted) {
			all = append(all, one)
		}
	}
	return errors.Join(all...)
}
