package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/pki"
)

// addSparePassphrase adds the flag for the passphrase of a spare's paper.
func addSparePassphrase(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "spare-passphrase-file", "", "`FILE` whose first line is the passphrase of the spare's paper, if it has one of its own")
}

var (
	spareSecret = secret{what: "the passphrase of the spare's paper", flag: "--spare-passphrase-file FILE"}

	errSpareNeeded = misuse("--spare-passphrase-file needs --spare",
		fault.Hintf("name the page to be printed: --spare FILE.html"))
	errSpareStdout = misuse("--spare writes a page to be printed, not to standard output",
		fault.Hintf("name a file: --spare FILE.html"))
	errSpareOpen = fault.New("the spare's key is on paper that anyone may read, so it needs a passphrase",
		fault.Hintf("type one, or leave out --spare"))
)

// checkSpare finds what is wrong with --spare.
func (a *app) checkSpare(dir string, o initOptions) error {
	switch {
	case o.spare == "" && o.spareFile != "":
		return errSpareNeeded
	case o.spare == "":
		return nil
	case o.spare == "-":
		return errSpareStdout
	}
	return pki.CheckSpare(o.spare, dir, a.options())
}

// spareRequest is nil without --spare. The paper has the root's passphrase, or if
// there is none, or the user names a file, one of its own.
func (a *app) spareRequest(ctx context.Context, o initOptions, passphrase []byte) (*pki.SpareRequest, error) {
	if o.spare == "" {
		return nil, nil
	}
	req := &pki.SpareRequest{Out: o.spare, Command: a.command("root", "rotate", "--from-spare", "FILE")}
	var err error
	switch {
	case o.spareFile != "":
		req.Passphrase, err = a.newSecretIn(o.spareFile)
	case len(passphrase) == 0:
		req.Passphrase, err = a.askTwice(ctx, "Enter a passphrase for the spare's paper: ", spareSecret)
		if err == nil && len(req.Passphrase) == 0 {
			err = errSpareOpen
		}
	}
	return req, err
}

// createdJSON is the result of init as --json prints it.
type createdJSON struct {
	pki.RootDescription
	Spare *pki.RootDescription `json:"spare,omitempty"`
	Page  string               `json:"page,omitempty"`
}

func describeCreated(created pki.Created) createdJSON {
	r := createdJSON{RootDescription: pki.DescribeRoot(created.Root), Page: created.Page}
	if created.Spare != nil {
		spare := pki.DescribeRoot(created.Spare)
		r.Spare = &spare
	}
	return r
}

func (a *app) sayCreatedSpare(created pki.Created) {
	if created.Spare == nil {
		a.say("No spare root: it cannot be added later (see --spare in %s).", a.command("init", "--help"))
		return
	}
	a.say("spare root %s: its key is only in %s", created.Spare.Subject.CommonName, created.Page)
	a.say("SHA-256 %s", ca.Fingerprint(created.Spare))
	a.say("Print that page, check that it can be read, delete the file, and keep the paper.")
}

// sheetPassphrase returns how to get the passphrase of a sheet. Without a key in
// the store, --passphrase-file can only be meant for it.
func (a *app) sheetPassphrase(ctx context.Context, o rootRotateOptions, keyless bool) pki.Passphrase {
	return func() ([]byte, error) {
		if o.spareFile != "" {
			return a.secretIn("passphrase", o.spareFile)
		}
		if keyless {
			if passphrase, found, err := a.passphraseFromFile(a.passphrase.file); found || err != nil {
				return passphrase, err
			}
		}
		return a.ask(ctx, "Passphrase of the spare's paper: ", spareSecret)
	}
}
