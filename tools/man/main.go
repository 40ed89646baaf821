// Command man writes picoca's man pages, one for each command, to a folder. It
// writes roff itself: cobra's own generator shows flags as --force[=false] and
// --for="", and needs three modules more.
//
//	man FOLDER DATE
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/cli"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER DATE")
		os.Exit(2)
	}
	if err := writeAll(os.Args[1], os.Args[2], cli.Command()); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// writeAll writes the page of a command, and those of the commands below it.
func writeAll(dir, date string, cmd *cobra.Command) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, pageName(cmd)+".1"), []byte(page(cmd, date)), 0o644); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			if err := writeAll(dir, date, sub); err != nil {
				return err
			}
		}
	}
	return nil
}

// pageName is picoca-export-crl for picoca export crl.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }
