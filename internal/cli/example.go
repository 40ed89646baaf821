package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/pki"
)

type exampleOptions struct {
	pki.ProjectRequest
	forDevice string
	json      bool
}

func (a *app) exampleCommand() *cobra.Command {
	var o exampleOptions
	cmd := &cobra.Command{
		Use:   "example NAME",
		Short: "Write a complete project: a web app on a board, over HTTPS",
		Long: `Writes a small, complete project for a board: a program that serves a web app
over HTTPS, the app's page, which can be added to a phone's home screen, and the
newest certificate of NAME with its key.`,
		Example: `  picoca example pico.local
  picoca example pico.local --for pico-w/circuitpython@10
  picoca example pico.local --mutual-tls`,
		Args: args(1, 1, "a device's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			return a.runExample(cmd.Context(), o)
		},
	}
	addFor(cmd, &o.forDevice, "as issued")
	f := cmd.Flags()
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
	Folder    string        `json:"folder"`
	Files     []writtenJSON `json:"files"`
	// Kept are files that the user has filled in, Copied copies of files that the
	// user had changed.
	Kept   []string `json:"kept"`
	Copied []string `json:"copied"`
}

func (a *app) runExample(ctx context.Context, o exampleOptions) (err error) {
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
		return a.printJSON(exampleJSON{p.Name, p.Target().String(), o.MutualTLS, p.Dir, writtenToJSON(w.Files), w.Kept, w.Copied})
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
	switch p.Reach() {
	case example.ReachDNS:
		a.say("next: make your router's DNS answer for %s: a board only announces names such as pico.local itself", p.Name)
	case example.ReachAddress:
		a.say("next: make your router give this board the address %s every time", p.Name)
	}
	return nil
}
