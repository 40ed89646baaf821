// Command clocked is picoca with the clock of PICOCA_TEST_NOW. The program that is
// installed has no such variable.
package main

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/picoca/picoca/internal/cli"
)

func main() {
	now, err := time.Parse(time.RFC3339, os.Getenv("PICOCA_TEST_NOW"))
	if err != nil {
		panic(err)
	}
	os.Exit(cli.Main(context.Background(), cli.Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Getenv: os.Getenv,
		Now:    func() time.Time { return now },
		Interrupts: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return signal.NotifyContext(ctx, os.Interrupt)
		},
	}))
}
