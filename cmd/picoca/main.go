// Command picoca is a certificate authority for the boards in a home.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/picoca/picoca/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), cli.Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Getenv: os.Getenv,
		Now:    time.Now,
		Interrupts: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		},
	}))
}
