// Package cli is picoca's command line: commands, flags, words, JSON and exit
// codes. It is the only package that prints and asks, with the means of package
// terminal. What a command decides, package pki decides.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/terminal"
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

// app is one run: its surroundings and the flags that commands share. What a command
// does in several steps has it as a field: embedded, all of its methods would be in the
// program once more for each such type.
type app struct {
	Env
	homeFlag   string
	json       bool            // print the result as JSON
	passphrase passphraseFlags // of the root key
	flags      *pflag.FlagSet  // those of the command that runs
	// unseen is why a new passphrase could not be printed.
	unseen error
}

// Main runs picoca and returns its exit code. Everything it has to say about a
// failure goes to Stderr.
func Main(ctx context.Context, env Env) int {
	out := &terminal.Writer{Writer: env.Stdout}
	env.Stdout = out
	a := &app{Env: env}
	root := a.rootCommand()
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	err = judge(out, errors.Join(err, a.lostPassphrase()), changesCA(cmd))
	switch {
	case err == nil:
	case wantsJSON(cmd, env.Args):
		a.explainJSON(err)
	default:
		a.explain(err)
	}
	return exitCode(err)
}

// changesCA reports whether a command changes what the CA has. Then running it again
// would not only print what was lost.
func changesCA(cmd *cobra.Command) bool {
	return !cmd.Flags().Changed("dry-run") && !cmd.Flags().Changed("help") && slices.Contains([]string{"init", "root rotate", "root retire", "root passphrase", "restore",
		"issue", "identity", "delegate", "renew", "revoke", "push"}, commandName(cmd))
}

// Command returns the tree of commands, for the generator of the man pages. It is not
// to be run: it has no surroundings.
func Command() *cobra.Command { return (&app{}).rootCommand() }

func (a *app) rootCommand() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "picoca COMMAND",
		Short: "A certificate authority for the devices in your home",
		Long: `picoca is a small certificate authority that runs on this computer. It issues
certificates that fit a Raspberry Pi Pico W or any other device in your home,
writes the files the device loads, and gets your phone to trust them.`,
		Example: `  picoca init
  picoca issue pico.local
  picoca phone`,
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: a.checkFlags,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case showVersion:
				_, err := fmt.Fprintln(a.Stdout, "picoca version", version())
				return err
			case len(args) == 0:
				return cmd.Help()
			}
			return errUnknownCommand(args[0], cmd.SuggestionsFor(args[0]))
		},
	}
	// A flag of our own: cobra's wants the version in every run, and reading that takes a moment.
	root.Flags().BoolVarP(&showVersion, "version", "v", false, "print the version, the commit and its date")
	root.SetUsageFunc(a.usage)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true // completionCommand takes its place
	root.SetFlagErrorFunc(a.flagError)
	root.SetHelpCommand(helpCommand())
	root.PersistentFlags().StringVar(&a.homeFlag, "home", "", "`FOLDER` of the CA (default: $PICOCA_HOME, else the usual data folder, such as ~/.local/share/picoca)")
	a.addCommands(root)
	if isCompletion(a.Args) {
		root.InitDefaultHelpCmd()
		a.addCompletion(root)
	}
	return root
}

func (a *app) addCommands(root *cobra.Command) {
	for _, group := range a.groups() {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, entry := range group.entries {
			cmd := a.commandFor(entry)
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	if a.names(phoneSignerName) {
		root.AddCommand(a.phoneSignerCommand())
	}
}

// entry is a command in the help's list: its name, what it does in a line, and what makes
// it. Making all commands with their flags costs more than most of them take to run.
type entry struct {
	name, short string
	build       func() *cobra.Command
}

// group is a part of the list of commands in the help.
type group struct {
	title   string
	entries []entry
}

// commandFor returns the command of an entry if the command line may name it. For any other
// it returns one that has only what the list of commands shows.
func (a *app) commandFor(e entry) *cobra.Command {
	cmd := &cobra.Command{Use: e.name, Run: func(*cobra.Command, []string) {}}
	if a.names(e.name) {
		cmd = e.build()
	}
	cmd.Short = e.short
	cmd.Flags().SortFlags = false // common ones first
	return cmd
}

// names reports whether a word of the command line is this one. Without a command line,
// as for the man pages, any command may be wanted.
func (a *app) names(command string) bool {
	return a.Args == nil || slices.Contains(a.Args, command)
}

func (a *app) groups() []group {
	return []group{
		{"The CA:", []entry{
			{"init", "Create the CA: once, on this computer", a.initCommand},
			{"root", "Replace the root, or change its passphrase", a.rootsCommand},
			{"trust", "Make this computer and its browsers trust the CA", a.trustCommand},
			{"phone", "Get a phone to trust the CA: QR code, steps, and proof", a.phoneCommand},
			{"backup", "Write everything the CA has into one encrypted file, or its root on paper", a.backupCommand},
			{"restore", "Bring the CA back from a backup, or its root from paper", a.restoreCommand},
		}},
		{"Certificates:", []entry{
			{"issue", "Issue a device's certificate, and write the files it loads", a.issueCommand},
			{"identity", "Issue an identity for a phone, computer or board (mutual TLS)", a.identityCommand},
			{"delegate", "Set up another CA program under the root: ACME, Caddy", a.delegateCommand},
			{"renew", "Replace certificates with new ones, in the same folders", a.renewCommand},
			{"revoke", "Revoke the certificates of a lost or retired device or identity", a.revokeCommand},
			{"export", "Write certificate files again, in any format", a.exportCommand},
			{"example", "Write a complete project for a board: HTTPS, or MQTT over TLS", a.exampleCommand},
			{"push", "Copy a certificate and its key to the device", a.pushCommand},
		}},
		{"Information:", []entry{
			{"list", "List certificates: for which device, and when they end", a.listCommand},
			{"show", "Show a certificate or the root, with its fingerprints", a.showCommand},
			{"devices", "List known devices; show what one loads, and what it costs", a.devicesCommand},
			{"fit", "Show whether a certificate fits a device, and its costs", a.fitCommand},
			{"check", "Visit live devices: what they serve, what is wrong, how to fix it", a.checkCommand},
			{"doctor", "Examine the CA itself: its files, dates, folders, and trust", a.doctorCommand},
			{"completion", "Let the Tab key complete commands, names, devices and formats", a.completionCommand},
		}},
	}
}

// errUnknownCommand suggests commands with a similar name, or the flag that is meant.
func errUnknownCommand(input string, suggestions []string) error {
	hint := fault.Hintf("%s lists the commands", fault.Command{"--help"})
	switch {
	case input == "version":
		hint = fault.Run("--version")
	case len(suggestions) > 0:
		hint = didYouMean(suggestions)
	}
	return misuse(fmt.Sprintf("unknown command %q", input), hint)
}

// flagError explains a faulty flag. Cobra reads the flags of an unknown command
// as those of picoca itself: then the command is what is wrong.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	if cmd.Root() == cmd && len(a.Args) > 0 && !strings.HasPrefix(a.Args[0], "-") {
		return errUnknownCommand(a.Args[0], cmd.SuggestionsFor(a.Args[0]))
	}
	return usageFault(cmd, flagFault(err))
}

// usageFault is a fault of the command line itself.
func usageFault(cmd *cobra.Command, err error) error {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	words := fault.Command{path, "--help"}
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

// filled is args for commands that would take an empty argument, as a variable of the
// shell that is not set leaves it, for one that was left out.
func filled(low, high int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if slices.Contains(given, "") {
			return misuse(fmt.Sprintf("expected %s; got \"\"", want), fault.Hintf("is a variable of the shell not set?"))
		}
		return args(low, high, want)(cmd, given)
	}
}
