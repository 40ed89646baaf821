package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
)

// phoneLife is how long the certificates of the HTTPS stage are valid. They are
// stored nowhere.
const phoneLife = time.Hour

// phoneSignerName is a hidden command that phone runs.
const phoneSignerName = "phone-signer"

// phoneSignerCommand signs the certificates of phone in a process of its own.
// Phone serves for minutes, and Go cannot wipe what its garbage collector has
// copied: neither the root key nor its passphrase ever enter that process.
func (a *app) phoneSignerCommand() *cobra.Command {
	var passphrase passphraseFlags
	cmd := &cobra.Command{
		Use:    phoneSignerName + " IP",
		Hidden: true,
		Args:   args(1, 1, "an IP address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runPhoneSigner(cmd.Context(), args[0], passphrase)
		},
	}
	passphrase.add(cmd)
	cmd.Flags().Bool("json", false, "print errors as JSON")
	return cmd
}

func (a *app) runPhoneSigner(ctx context.Context, address string, flags passphraseFlags) (err error) {
	names, err := ca.ParseNames([]string{address})
	if err != nil {
		return err
	}
	c, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	session, err := c.Session(ctx, a.Now(), a.rootPassphrase(ctx, flags), a.waiting)
	if err != nil {
		return err
	}
	defer session.Close()
	for range 2 {
		cert, key, err := session.ServerFor(names, phoneLife, a.Now())
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		if err := pem.Encode(a.Stdout, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
			return err
		}
		if _, err := a.Stdout.Write(ca.CertificatePEM(cert)); err != nil {
			return err
		}
	}
	return nil
}

// reportedError is the failure of a process that has explained it already.
type reportedError struct{ code int }

func (e *reportedError) Error() string {
	return fmt.Sprintf("signing failed with exit code %d", e.code)
}

func (e *reportedError) ExitCode() int { return e.code }

// signElsewhere runs phone-signer, which asks for the passphrase on the same
// terminal, and returns the two certificates it signed.
func (a *app) signElsewhere(ctx context.Context, ip netip.Addr, flags passphraseFlags, asJSON bool) (certs [2]tls.Certificate, err error) {
	self, err := os.Executable()
	if err != nil {
		return certs, err
	}
	dir, err := a.home()
	if err != nil {
		return certs, err
	}
	words := []string{"--home", dir, phoneSignerName, ip.String()}
	if flags.file != "" {
		words = append(words, "--passphrase-file", flags.file)
	}
	if asJSON {
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
	return parseSigned(out.Bytes())
}

// parseSigned reads what phone-signer printed.
func parseSigned(data []byte) (certs [2]tls.Certificate, err error) {
	for i := range certs {
		var key, cert *pem.Block
		key, data = pem.Decode(data)
		cert, data = pem.Decode(data)
		if key == nil || cert == nil {
			return certs, io.ErrUnexpectedEOF
		}
		if certs[i], err = tls.X509KeyPair(pem.EncodeToMemory(cert), pem.EncodeToMemory(key)); err != nil {
			return certs, err
		}
	}
	return certs, nil
}
