// Package cli is picoca's command line: commands, flags, words for people,
// hints and exit codes. It alone prints.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// World is what a run of picoca may touch: the process hands in the real one,
// tests their own.
type World struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// Interrupts returns a context that ends when the user interrupts the
	// program. It is asked for where something must be put back first, and
	// nowhere else: listening for signals takes a quarter of a short run.
	Interrupts func(context.Context) (context.Context, context.CancelFunc)
}

// Exit codes of the program.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNoCA        = 3
	exitFound       = 4
	exitInterrupted = 130
)

// errInterrupted says that the user ended the run; it needs no words.
var errInterrupted = errors.New("interrupted")

// app is one run: the world and the flags that all commands share.
type app struct {
	World
	homeFlag string
	issued   bool // something is in the store that was not there before
}

// Main runs picoca and returns its exit code. Everything it has to say about a
// failure is on Stderr.
func Main(ctx context.Context, w World) int {
	out := &report{Writer: w.Stdout}
	w.Stdout = out
	a := &app{World: w}
	root := a.rootCommand()
	root.SetArgs(w.Args)
	root.SetIn(w.Stdin)
	root.SetOut(w.Stdout)
	root.SetErr(w.Stderr)
	err := out.judge(root.ExecuteContext(ctx))
	if err != nil && !errors.Is(err, errInterrupted) {
		a.explain(err)
	}
	return exitCode(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "picoca COMMAND",
		Short: "A certificate authority for the boards in your home",
		Long: `picoca makes HTTPS work on the boards in a home: it runs a certificate
authority on this computer, issues certificates that fit a Raspberry Pi
Pico W or another board, and writes the files that the board's firmware
loads and your devices trust.`,
		Example: `  picoca init
  picoca issue pico.local`,
		Version:       version(),
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommandError{args[0], cmd.SuggestionsFor(args[0])}
		},
	}
	root.SetUsageFunc(usage)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{flagFault(err), cmd.CommandPath()} })
	root.SetHelpCommand(helpCommand())
	root.PersistentFlags().StringVar(&a.homeFlag, "home", "", "folder of the certificate authority (default $PICOCA_HOME, or the system's place for data)")
	root.AddCommand(a.initCommand(), a.issueCommand(), a.exportCommand(), a.listCommand(), a.showCommand(), a.boardsCommand(), a.phoneCommand(),
		a.exampleCommand(), a.fitCommand())
	return root
}

// version is the module's version, as the Go tool wrote it into the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}

// usageError is a fault of the command line itself.
type usageError struct {
	error
	command string
}

func (e usageError) Unwrap() error { return e.error }

// foundError is what a check found: the check itself went well.
type foundError struct{ error }

func (e foundError) Unwrap() error { return e.error }

type unknownCommandError struct {
	input       string
	suggestions []string
}

func (e unknownCommandError) Error() string { return fmt.Sprintf("command %q is unknown", e.input) }

// exactly, atLeast and atMost are cobra's argument checks with our words.
func exactly(n int, want string) cobra.PositionalArgs { return between(n, n, want) }

func atLeast(n int, want string) cobra.PositionalArgs { return between(n, math.MaxInt, want) }

func atMost(n int, want string) cobra.PositionalArgs { return between(0, n, want) }

func between(low, high int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < low || len(args) > high {
			return usageError{fmt.Errorf("arguments: have %q, want %s", args, want), cmd.CommandPath()}
		}
		return nil
	}
}

func (a *app) say(format string, args ...any) { fmt.Fprintf(a.Stdout, format+"\n", args...) }

// note tells something beside the result, where no program reads it.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "note: "+format+"\n", args...)
}
