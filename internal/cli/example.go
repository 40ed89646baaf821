package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/push"
)

type exampleOptions struct {
	pki.ProjectRequest
	forDevice string
	contact   string
}

func (a *app) exampleCommand() *cobra.Command {
	var o exampleOptions
	cmd := &cobra.Command{
		Use: "example NAME",
		Long: `Writes a small, complete project for a board: a program that serves a web app
over HTTPS, the app's page, which can be added to a phone's home screen, and the
newest certificate of NAME with its key.

With --mqtt, NAME is an identity, and the program publishes a reading to the
MQTT broker BROKER, a device with a certificate of your CA. The broker's
configuration is in the folder broker.`,
		Example: `  picoca example pico.local
  picoca example pico.local --for pico-w/circuitpython@10
  picoca example pico.local --push --contact you@example.com
  picoca example pico.local --updates
  picoca example "Garden sensor" --mqtt broker.local`,
		Args: args(1, 1, "a device's name, or an identity's with --mqtt"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			err := o.check(cmd)
			if err != nil {
				return err
			}
			if o.For, err = optional(o.forDevice, device.ParseTarget); err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runExample(cmd.Context(), c, o) })
		},
	}
	addFor(cmd, &o.forDevice, "as issued")
	f := cmd.Flags()
	f.StringVar(&o.Broker, "mqtt", "", "publish to `BROKER`, with the identity NAME")
	f.BoolVar(&o.Push, "push", false, "send messages to the phones that subscribe on the page (see docs/push.md)")
	f.StringVar(&o.contact, "contact", "", "with --push, `ADDRESS` at which push services reach you: you@example.com (default: as before)")
	f.IntVar(&o.Updates, "updates", 0, "let picoca push and renew --push replace the certificate over HTTPS, at port `PORT` (default: 8443)")
	f.Lookup("updates").NoOptDefVal = strconv.Itoa(push.UpdatesPort)
	f.StringVar(&o.Out, "out", "", "`FOLDER` for the project (default: NAME-FIRMWARE)")
	f.BoolVar(&o.MutualTLS, "mutual-tls", false, "let in only visitors with an identity of your CA")
	f.BoolVar(&o.Force, "force", false, "rewrite an existing project; keeps your Wi-Fi password, and a copy of each file you changed")
	a.addJSON(cmd)
	return cmd
}

// exampleJSON is the result of example as --json prints it.
type exampleJSON struct {
	Name      string `json:"name"`
	For       string `json:"for"`
	MutualTLS bool   `json:"mutual_tls"`
	Push      bool   `json:"push"`
	Updates   int    `json:"updates_port,omitempty"`
	Broker    string `json:"broker,omitempty"`
	Folder    string `json:"folder"`
	pki.WrittenProject
}

// check refuses flags that do not go together.
func (o *exampleOptions) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	switch {
	case o.Out == "-":
		return errOutDash(cmd)
	case given("mqtt") && (o.Broker == "" || o.MutualTLS):
		return errBroker(o.MutualTLS)
	case given("mqtt") && o.Push:
		return usageFault(cmd, errors.New("--mqtt and --push exclude each other: a board that publishes serves no page"))
	case given("contact") && !o.Push:
		return usageFault(cmd, errors.New("--contact is for --push"))
	case given("updates"):
		return o.checkUpdates(cmd)
	}
	return nil
}

func (o *exampleOptions) checkUpdates(cmd *cobra.Command) error {
	switch {
	case o.Broker != "":
		return usageFault(cmd, errors.New("--mqtt and --updates exclude each other: a board that publishes serves nothing"))
	case o.Updates < 1 || o.Updates > 65535 || o.Updates == 443 || o.Updates == 80:
		return usageFault(cmd, fmt.Errorf("--updates=%d: expected a port from 1 to 65535 other than 80 and 443, which the page has", o.Updates))
	}
	return nil
}

// errBroker is for a flag --mqtt that does not work.
func errBroker(mutual bool) error {
	text, hint := "--mqtt has no broker", fault.Run("example", "Garden sensor", "--mqtt", "broker.local")
	if mutual {
		text, hint = "--mqtt and --mutual-tls exclude each other", fault.Hintf("leave --mutual-tls out: a broker always asks the board for its identity")
	}
	return misuse(text, hint)
}

func (a *app) runExample(ctx context.Context, c *pki.CA, o exampleOptions) error {
	if err := a.findContact(ctx, c, &o); err != nil {
		return err
	}
	project, err := c.PlanProject(o.ProjectRequest)
	if err != nil {
		return err
	}
	if ended := project.Ended(a.Now()); ended != nil {
		a.note("%v", ended)
	}
	written, err := project.Write(ctx, a.waiting)
	if err != nil {
		return err
	}
	return a.printExample(project, written, o)
}

// findContact reads --contact, or asks for it on a terminal the first time.
func (a *app) findContact(ctx context.Context, c *pki.CA, o *exampleOptions) (err error) {
	if !o.Push {
		return nil
	}
	if o.contact == "" {
		before, err := c.MessagesContact(o.Name)
		if err != nil || before != (example.Contact{}) || !a.prompter().CanAsk() {
			return err
		}
		if o.contact, err = a.prompter().Line(ctx, "E-mail address at which push services reach you if something is wrong: "); err != nil {
			return err
		}
	}
	o.Contact, err = example.ParseContact(o.contact)
	return err
}

func (a *app) printExample(p *pki.Project, w pki.WrittenProject, o exampleOptions) error {
	if a.json {
		return a.printJSON(exampleJSON{p.Name, p.Target().String(), o.MutualTLS, o.Push, o.Updates, p.Broker, p.Dir, w})
	}
	a.sayWritten(w.Files)
	install := a.installStep(p, o)
	next := "put your Wi-Fi name and password into " + p.Firmware.Secrets() + ", then " + install
	for _, path := range w.Kept {
		a.say("kept  %s, which you filled in", path)
		next = install
	}
	for _, path := range w.Copied {
		a.say("kept your version as %s", path)
	}
	if o.MutualTLS {
		a.say("only devices with an identity of your CA get in: %s", a.command("identity", "kitchen-tablet"))
	}
	if o.Push {
		a.say("messages: open https://%s/ on a phone and tap “Send me messages”; on an iPhone, add it to the home screen first", p.Name)
	}
	if o.Updates != 0 {
		a.say("updates: after the first copy over a cable, %s replaces the certificate over HTTPS, port %d", a.command("push", p.Name), o.Updates)
	}
	if w.EndsUpdates {
		a.say("updates: none from now on: %s keeps them", a.command("example", p.Name, "--updates"))
	}
	a.say("next: %s", next)
	if p.ServesTrust() {
		a.say("new phones need no computer: print the sheet that leads them to the board: %s", a.command("phone", "--sheet", "sheet.html"))
	}
	if p.Broker != "" {
		a.printBroker(p)
		return nil
	}
	switch p.Reach() {
	case example.ReachDNS:
		a.say("next: make your router's DNS answer for %s: a board only announces names such as pico.local itself", p.Name)
	case example.ReachAddress:
		a.say("next: make your router give this board the address %s every time", p.Name)
	}
	return nil
}

// installStep is how the project gets onto the board.
func (a *app) installStep(p *pki.Project, o exampleOptions) string {
	if o.Updates == 0 {
		return p.Firmware.Next + a.pushAside(p, o)
	}
	return fmt.Sprintf("copy all files and the folder %s to the board (%s), and reset it", p.Folder(), a.command("push", p.Name, "--example"))
}

// pushAside mentions push, where it takes this project to the board: that of the
// device for which the certificate was issued.
func (a *app) pushAside(p *pki.Project, o exampleOptions) string {
	if p.Broker != "" || o.forDevice != "" || !p.Firmware.IsCopied() {
		return ""
	}
	command := []string{"push", p.Name, "--example"}
	if o.MutualTLS {
		command = append(command, "--mutual-tls")
	}
	return "; or run " + a.command(command...)
}

// printBroker prints what the user does on the broker.
func (a *app) printBroker(p *pki.Project) {
	folder := filepath.Join(p.Dir, "broker")
	a.say("on %s, with Mosquitto and the files of %s:", p.Broker, a.command("issue", p.Broker, "--for", "mosquitto"))
	a.say("  sudo install -m 644 %s /etc/mosquitto/conf.d/picoca.conf", fault.Quote(filepath.Join(folder, "picoca.conf")))
	a.say("  sudo install -o mosquitto -g mosquitto -m 600 %s /etc/mosquitto/picoca.acl", fault.Quote(filepath.Join(folder, "picoca.acl")))
	a.say("  sudo systemctl restart mosquitto")
	if p.Reach() == example.ReachDNS {
		a.say("next: make your router's DNS answer for %s", p.Broker)
	}
}
