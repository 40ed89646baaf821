package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

type exampleOptions struct {
	pki.ProjectRequest
	forDevice string
	mqtt      bool // was given
	json      bool
}

func (a *app) exampleCommand() *cobra.Command {
	var o exampleOptions
	cmd := &cobra.Command{
		Use:   "example NAME",
		Short: "Write a complete project for a board: HTTPS, or MQTT over TLS",
		Long: `Writes a small, complete project for a board: a program that serves a web app
over HTTPS, the app's page, which can be added to a phone's home screen, and the
newest certificate of NAME with its key.

With --mqtt, NAME is an identity, and the program publishes a reading to the MQTT
broker BROKER, a device with a certificate of your CA. The broker's configuration
is in the folder broker.`,
		Example: `  picoca example pico.local
  picoca example pico.local --for pico-w/circuitpython@10
  picoca example "Garden sensor" --mqtt broker.local`,
		Args: args(1, 1, "a device's name, or an identity's with --mqtt"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name, o.mqtt = args[0], cmd.Flags().Changed("mqtt")
			return a.runExample(cmd.Context(), o)
		},
	}
	addFor(cmd, &o.forDevice, "as issued")
	f := cmd.Flags()
	f.StringVar(&o.Broker, "mqtt", "", "publish to `BROKER`, with the identity NAME")
	f.StringVar(&o.Out, "out", "", "`FOLDER` for the project (default: NAME-FIRMWARE)")
	f.BoolVar(&o.MutualTLS, "mutual-tls", false, "let in only visitors with an identity of your CA")
	f.BoolVar(&o.Force, "force", false, "rewrite an existing project; keeps your Wi-Fi password, and a copy of each file you changed")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

// exampleJSON is the result of example as --json prints it.
type exampleJSON struct {
	Name      string        `json:"name"`
	For       string        `json:"for"`
	MutualTLS bool          `json:"mutual_tls"`
	Broker    string        `json:"broker,omitempty"`
	Folder    string        `json:"folder"`
	Files     []writtenJSON `json:"files"`
	// Kept are files that the user has filled in, Copied copies of files that the
	// user had changed.
	Kept   []string `json:"kept"`
	Copied []string `json:"copied"`
}

// errBroker is for a flag --mqtt that does not work.
func errBroker(mutual bool) error {
	text, hint := "--mqtt has no broker", fault.Run("example", "Garden sensor", "--mqtt", "broker.local")
	if mutual {
		text, hint = "--mqtt and --mutual-tls exclude each other", fault.Hintf("leave --mutual-tls out: a broker always asks the board for its identity")
	}
	return fault.WithCode(fault.New(text, hint), fault.Usage)
}

func (a *app) runExample(ctx context.Context, o exampleOptions) (err error) {
	if o.mqtt && (o.Broker == "" || o.MutualTLS) {
		return errBroker(o.MutualTLS)
	}
	if o.forDevice != "" {
		if o.For, err = device.ParseTarget(o.forDevice); err != nil {
			return err
		}
	}
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	project, err := c.PlanProject(o.ProjectRequest)
	if err != nil {
		return err
	}
	written, err := project.Write(ctx, a.waiting)
	if err != nil {
		return err
	}
	return a.printExample(project, written, o)
}

func (a *app) printExample(p *pki.Project, w pki.WrittenProject, o exampleOptions) error {
	if o.json {
		return a.printJSON(exampleJSON{p.Name, p.Target().String(), o.MutualTLS, p.Broker, p.Dir, writtenToJSON(w.Files), w.Kept, w.Copied})
	}
	a.sayWritten(w.Files)
	next := "put your Wi-Fi name and password into " + p.Firmware.Secrets() + ", then " + p.Firmware.Next
	for _, path := range w.Kept {
		a.say("kept  %s, which you filled in", path)
		next = p.Firmware.Next
	}
	for _, path := range w.Copied {
		a.say("kept your version as %s", path)
	}
	if o.MutualTLS {
		a.say("only devices with an identity of your CA get in: %s", a.command("identity", "kitchen-tablet"))
	}
	a.say("next: %s", next)
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

// printBroker prints what the user does on the broker.
func (a *app) printBroker(p *pki.Project) {
	folder := filepath.Join(p.Dir, "broker")
	a.say("on %s, with Mosquitto and the files of %s:", p.Broker, a.command("issue", p.Broker, "--for", "mosquitto"))
	a.say("  sudo install -m 644 %s /etc/mosquitto/conf.d/picoca.conf", shellQuote(filepath.Join(folder, "picoca.conf")))
	a.say("  sudo install -o mosquitto -g mosquitto -m 600 %s /etc/mosquitto/picoca.acl", shellQuote(filepath.Join(folder, "picoca.acl")))
	a.say("  sudo systemctl restart mosquitto")
	if p.Reach() == example.ReachDNS {
		a.say("next: make your router's DNS answer for %s", p.Broker)
	}
}
