package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
)

// phoneSignerName is a hidden command that phone runs.
const phoneSignerName = "phone-signer"

// phoneSignerCommand signs the certificates of phone in a process of its own.
// Phone serves for minutes, and Go cannot wipe what its garbage collector has
// copied: neither the root key nor its passphrase ever enter that process.
func (a *app) phoneSignerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    phoneSignerName + " IP",
		Hidden: true,
		Args:   args(1, 1, "an IP address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := ca.ParseNames(args)
			if err != nil {
				return err
			}
			return a.with(func(c *pki.CA) error { return a.runPhoneSigner(cmd.Context(), c, address) })
		},
	}
	a.addPassphrase(cmd)
	cmd.Flags().Bool("json", false, "print errors as JSON")
	return cmd
}

func (a *app) runPhoneSigner(ctx context.Context, c *pki.CA, address ca.Names) error {
	session, err := a.session(ctx, c)
	if err != nil {
		return err
	}
	defer session.Close()
	servers, err := session.PhoneServers(address, a.Now())
	if err != nil {
		return err
	}
	_, err = a.Stdout.Write(servers)
	return err
}

// reportedError is the failure of a process that has explained it already.
type reportedError struct{ code int }

func (e *reportedError) Error() string {
	return fmt.Sprintf("signing failed with exit code %d", e.code)
}

func (e *reportedError) ExitCode() int { return e.code }

// signElsewhere runs phone-signer, which asks for the passphrase on the same
// terminal, and returns the two certificates it signed.
func (a *app) signElsewhere(ctx context.Context, ip netip.Addr) (certs [2]tls.Certificate, err error) {
	self, err := os.Executable()
	if err != nil {
		return certs, err
	}
	dir, err := a.home()
	if err != nil {
		return certs, err
	}
	words := []string{"--home", dir, phoneSignerName, ip.String()}
	if a.passphrase.file != "" {
		words = append(words, "--passphrase-file", a.passphrase.file)
	}
	if a.json {
		words = append(words, "--json") // how it explains a failure
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, words...)
	cmd.Args[0] = "picoca"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Stdin, &out, a.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return certs, &reportedError{exit.ExitCode()}
	}
	if err != nil {
		return certs, err
	}
	return pki.ParsePhoneServers(out.Bytes())
}
