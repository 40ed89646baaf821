// Package cli is picoca's command line: commands, flags, words, JSON and exit
// codes. It is the only package that prints and asks. What a command decides,
// package pki decides.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/trust"
)

// Env is what a run of picoca may touch: the process hands in the real one,
// tests their own.
type Env struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// Interrupts returns a context that ends when the user interrupts the
	// program. It is asked for only where something must be put back first:
	// listening for signals takes a quarter of a short run.
	Interrupts func(context.Context) (context.Context, context.CancelFunc)
	// ResolvConf is the file with the search domain; empty for the system's.
	ResolvConf string
	// Computer is where trust stores are; nil for the one picoca runs on.
	Computer *trust.Computer
	// Network is where check looks; nil for the one this computer is in.
	Network *probe.Network
	// Devices is what boards are connected to; nil for the one picoca runs on.
	Devices *push.Computer
	// Wrap stands between every change and the disk; nil outside tests.
	Wrap func(durable.Disk) durable.Disk
}

// errInterrupted says that the user ended the run; it needs no words.
var errInterrupted = fault.WithCode(errors.New("interrupted"), fault.Interrupted)

// app is one run: its surroundings and the flags that all commands share.
type app struct {
	Env
	homeFlag string
}

// Main runs picoca and returns its exit code. Everything it has to say about a
// failure goes to Stderr.
func Main(ctx context.Context, env Env) int {
	out := &printer{Writer: env.Stdout}
	env.Stdout = out
	a := &app{Env: env}
	root := a.rootCommand()
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	err = out.judge(err)
	switch {
	case err == nil:
	case wantsJSON(cmd, env.Args):
		a.explainJSON(err)
	default:
		a.explain(err)
	}
	return exitCode(err)
}

// Command returns the tree of commands, for the generator of the man pages. It is not
// to be run: it has no surroundings.
func Command() *cobra.Command { return (&app{}).rootCommand() }

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "picoca COMMAND",
		Short: "A certificate authority for the devices in your home",
		Long: `picoca is a small certificate authority that runs on this computer. It issues
certificates that fit a Raspberry Pi Pico W or any other device in your home,
writes the files the device loads, and gets your phone to trust them.`,
		Example: `  picoca init
  picoca issue pico.local
  picoca phone`,
		Version:       version(),
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return &unknownCommandError{args[0], cmd.SuggestionsFor(args[0])}
		},
	}
	root.SetUsageFunc(a.usage)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true // completionCommand takes its place
	root.SetFlagErrorFunc(a.flagError)
	root.SetHelpCommand(helpCommand())
	root.PersistentFlags().StringVar(&a.homeFlag, "home", "", "`FOLDER` of the CA (default: $PICOCA_HOME, else the usual data folder, such as ~/.local/share/picoca)")
	for _, group := range a.groups() {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			cmd.Flags().SortFlags = false // common ones first
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(a.phoneSignerCommand())
	if isCompletion(a.Args) {
		root.InitDefaultHelpCmd()
		a.addCompletion(root)
	}
	return root
}

// group is a part of the list of commands in the help.
type group struct {
	title    string
	commands []*cobra.Command
}

func (a *app) groups() []group {
	return []group{
		{"The CA:", []*cobra.Command{
			a.initCommand(),
			a.rootsCommand(),
			a.trustCommand(),
			a.phoneCommand(),
			a.backupCommand(),
			a.restoreCommand(),
		}},
		{"Certificates:", []*cobra.Command{
			a.issueCommand(),
			a.identityCommand(),
			a.delegateCommand(),
			a.renewCommand(),
			a.revokeCommand(),
			a.exportCommand(),
			a.exampleCommand(),
			a.pushCommand(),
		}},
		{"Information:", []*cobra.Command{
			a.listCommand(),
			a.showCommand(),
			a.devicesCommand(),
			a.fitCommand(),
			a.checkCommand(),
			a.doctorCommand(),
			a.completionCommand(),
		}},
	}
}

type unknownCommandError struct {
	input       string
	suggestions []string
}

func (e *unknownCommandError) Error() string { return fmt.Sprintf("unknown command %q", e.input) }

func (*unknownCommandError) ExitCode() int { return fault.Usage }

// Hint suggests a command with a similar name.
func (e *unknownCommandError) Hint() fault.Hint {
	if len(e.suggestions) == 0 {
		return fault.Hintf("%s lists the commands", fault.Command{"--help"})
	}
	return didYouMean(e.suggestions)
}

// flagError explains a faulty flag. Cobra reads the flags of an unknown command
// as those of picoca itself: then the command is what is wrong.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	if cmd.Root() == cmd && len(a.Args) > 0 && !strings.HasPrefix(a.Args[0], "-") {
		return &unknownCommandError{a.Args[0], cmd.SuggestionsFor(a.Args[0])}
	}
	return usageFault(cmd, flagFault(err))
}

// usageFault is a fault of the command line itself.
func usageFault(cmd *cobra.Command, err error) error {
	words := append(fault.Command(strings.Fields(cmd.CommandPath())[1:]), "--help")
	help := fault.Hintf("see %s", words)
	if isShorthand(err) {
		help = fault.Hintf("put -- before a name that begins with a hyphen; see %s", words)
	}
	if cmd.Root() == cmd {
		help = fault.Hintf("%s lists the commands", fault.Command{"--help"})
	}
	return fault.WithCode(fault.With(err, help), fault.Usage)
}

// args checks how many arguments a command has; want says what they should be.
func args(low, high int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < low:
			return usageFault(cmd, fmt.Errorf("expected %s; got nothing", want))
		case len(args) > high && high == 0:
			return usageFault(cmd, fmt.Errorf("expected no arguments; got %q", args[0]))
		case len(args) > high:
			return usageFault(cmd, fmt.Errorf("expected %s; got %q as well", want, args[high]))
		}
		return nil
	}
}
