package cli

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// clientFormats are what issue writes of a client identity: a file for every
// phone and computer, and one that does it in one step on Apple's.
var clientFormats = []string{"p12", "mobileconfig"}

// namesOrClient checks that a command line is for devices or for a client
// identity, and for one of them alone.
func namesOrClient(cmd *cobra.Command, args []string) error {
	given := cmd.Flags().Changed
	if given("client") {
		for _, flag := range []string{"board", "firmware"} {
			if given(flag) {
				return usageError{fmt.Errorf("--%s is for a device, and --client for who visits it", flag), cmd.CommandPath()}
			}
		}
		return exactly(0, "none beside --client")(cmd, args)
	}
	for _, flag := range p12FlagNames {
		if given(flag) {
			return usageError{fmt.Errorf("--%s is for a client identity: --client", flag), cmd.CommandPath()}
		}
	}
	return atLeast(1, "a name, such as pico.local")(cmd, args)
}

// identity is one run of issue --client: what was decided so far.
type identity struct {
	options   issueOptions
	store     *store.Store
	authority *ca.Authority
	label     ca.Label
	keyType   ca.KeyType
	key       crypto.Signer
	p12       p12Choice
	prepared  *ca.Prepared
	out       *destination
}

func (a *app) runIssueClient(ctx context.Context, o issueOptions) (err error) {
	i := &identity{options: o}
	if err := i.parse(a); err != nil {
		return err
	}
	if i.store, i.authority, err = a.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.store.Close()) }()
	if err := i.prepare(a.Now()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.out.close()) }()
	if o.dryRun {
		return a.tellIdentity(i.result(nil, nil), i)
	}
	if err := a.checkScreen(i.p12, o.p12); err != nil {
		return err
	}
	if err := a.unlock(ctx, i.store, i.authority, o.passphrase); err != nil {
		return err
	}
	if err := i.store.Lock(ctx, a.waiting); err != nil {
		return err
	}
	leaf, files, err := i.publish(a.Now())
	if err != nil {
		return err
	}
	a.issued = true
	a.tellPassphrase(i.p12, o.p12, o.json)
	return a.tellIdentity(i.result(leaf, files), i)
}

// parse reads the arguments; all of their faults come at once.
func (i *identity) parse(a *app) error {
	if i.options.out == "-" {
		return usageError{errors.New("--out - is for export: an identity has two files"), "picoca issue"}
	}
	var labelErr, keyErr, p12Err error
	i.label, labelErr = ca.ParseLabel(i.options.client)
	i.keyType = ca.P256
	if i.options.key != "" {
		i.keyType, keyErr = ca.ParseKeyType(i.options.key)
	}
	i.p12, p12Err = a.keyP12(i.options.p12, export.LegacyDES, i.options.force)
	return errors.Join(labelErr, keyErr, p12Err)
}

// prepare decides everything that can be refused without the root's key.
func (i *identity) prepare(now time.Time) (err error) {
	if err := i.checkPrevious(now); err != nil {
		return err
	}
	if i.key, err = i.keyType.Generate(); err != nil {
		return err
	}
	profile := ca.Profile{Life: ca.Days(i.options.days), Cut: !i.options.given("days"), Force: i.options.force, BoardClock: i.options.boardClock}
	if i.prepared, err = i.authority.PrepareClient(profile, i.label, i.key.Public(), now); err != nil {
		return err
	}
	i.out, err = openReplacing(i.folder(), i.authority.Certificate(), i.replacing())
	return err
}

// replacing is what of the folder may be replaced: with --renew, the files of
// the identity before.
func (i *identity) replacing() replacing {
	switch label := i.label.String(); {
	case i.options.force:
		return everything
	case i.options.renew:
		return clientRenewal(store.LabelStem(label), export.ClientProfileID(i.authority.Certificate(), label))
	}
	return nil
}

func (i *identity) folder() string {
	if i.options.out != "" {
		return i.options.out
	}
	return store.LabelStem(i.label.String())
}

// identityValidError says that there is an identity of that label which need
// not be replaced.
type identityValidError struct {
	label string
	until time.Time
}

func (e identityValidError) Error() string {
	return fmt.Sprintf("client identity %q is valid until %s", e.label, day(e.until))
}

// checkPrevious looks at the last identity of the label: one that is valid is
// replaced only by --renew, which keeps its key type.
func (i *identity) checkPrevious(now time.Time) error {
	last, err := i.store.LatestClient(i.label.String())
	if errors.Is(err, store.ErrNotIssued) {
		return nil
	}
	if err != nil {
		return err
	}
	if i.options.renew {
		about, _, err := recall(i.store, last, i.label.String())
		if err == nil && !i.options.given("key") {
			i.keyType = ca.KeyType(cmp.Or(about.Key, string(i.keyType)))
		}
		if !i.options.given("board-clock") {
			i.options.boardClock = hasBoardClock(about)
		}
		return err
	}
	about, err := i.store.About(last)
	if err == nil && !now.After(about.NotAfter) {
		return identityValidError{about.Name, about.NotAfter}
	}
	return err
}

// publish signs and writes. The lock is held.
func (i *identity) publish(now time.Time) (*x509.Certificate, []export.File, error) {
	if !i.options.renew { // somebody may have issued it while we waited
		if err := i.checkPrevious(now); err != nil {
			return nil, nil, err
		}
	}
	return publication{i.store, i.authority, i.prepared, i.key, i.out, i.about, i.render}.run()
}

func (i *identity) render(leaf *x509.Certificate) ([]export.File, error) {
	return renderAll(clientFormats, aClient, export.Bundle{
		Root: i.authority.Certificate(), Leaf: leaf, Key: i.key,
		Stem: store.LabelStem(i.label.String()), P12: i.p12.P12,
	})
}

func (i *identity) about(leaf *x509.Certificate) store.About {
	return store.About{
		Name:      i.label.String(),
		Kind:      store.KindClient,
		Names:     []string{},
		Key:       string(i.keyType),
		Serial:    serial(leaf),
		NotBefore: leaf.NotBefore,
		NotAfter:  leaf.NotAfter,
		SHA256:    fingerprint(leaf),
	}
}

// identityJSON is the result of issue --client as --json prints it.
type identityJSON struct {
	store.About
	DryRun           bool          `json:"dry_run"`
	CertificateBytes int           `json:"certificate_bytes"`
	Files            []writtenJSON `json:"files"`
	Passphrase       string        `json:"passphrase,omitempty"`
}

// result tells what was issued, or, without a leaf, what would be.
func (i *identity) result(leaf *x509.Certificate, files []export.File) identityJSON {
	if leaf == nil {
		about := store.About{
			Name: i.label.String(), Kind: store.KindClient, Names: []string{}, Key: string(i.keyType),
			NotBefore: i.prepared.NotBefore(), NotAfter: i.prepared.NotAfter(),
		}
		return identityJSON{About: about, DryRun: true, CertificateBytes: i.prepared.Size(), Files: []writtenJSON{}}
	}
	return identityJSON{
		About: i.about(leaf), CertificateBytes: len(leaf.Raw), Files: describeFiles(i.folder(), files),
		Passphrase: i.p12.jsonPassphrase(i.options.p12),
	}
}

func (a *app) tellIdentity(r identityJSON, i *identity) error {
	if i.options.json {
		return a.printJSON(r)
	}
	a.say("%s: client identity, %s, until %s.", r.Name, keyTitle(r.Key), day(r.NotAfter))
	if r.DryRun {
		a.say("dry run: the certificate would have at most %s; nothing was signed or written", bytesText(r.CertificateBytes))
		return nil
	}
	a.sayWritten(r.Files)
	a.say("next: open one of them on its device: .mobileconfig on Apple's, .p12 on others")
	a.say("%s", a.here("or hand it over by QR code: picoca phone --identity "+shellQuote(r.Name)))
	a.say("%s", a.here("a server that asks for it needs the CA: picoca export ca"))
	return nil
}
