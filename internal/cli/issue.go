package cli

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

type issueOptions struct {
	names      []string
	board      string
	firmware   string
	key        string
	days       int
	out        string
	renew      bool
	force      bool
	boardClock bool
	dryRun     bool
	json       bool
	passphrase passphraseFlags
	client     string
	p12        p12Flags
	// given tells which flags the user set: a renewal keeps the rest.
	given func(flag string) bool
}

func (a *app) issueCommand() *cobra.Command {
	var o issueOptions
	cmd := &cobra.Command{
		Use:   "issue NAME [NAME|IP ...]",
		Short: "Issue a certificate, and write the files that the board loads",
		Long: `Issues a certificate for the names and addresses, the first of which becomes
the device's own name, and writes the files that its board loads to a folder
of that name. A new key is made each time.

With --client a client identity is issued instead: a key by which a phone or a
computer shows a server who it is (mutual TLS). LABEL is any text.`,
		Example: `  picoca issue pico.local
  picoca issue pico.local 192.168.1.20
  picoca issue nas.local --board computer
  picoca issue pico.local --renew
  picoca issue --client kitchen-tablet`,
		Args: namesOrClient,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names, o.given = args, cmd.Flags().Changed
			if o.given("client") {
				return a.runIssueClient(cmd.Context(), o)
			}
			return a.runIssue(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.board, "board", "pico-w", "board that will serve the certificate: see picoca boards")
	f.StringVar(&o.firmware, "firmware", "", "the board's firmware, as circuitpython@10 (default: files that all of it loads)")
	f.StringVar(&o.key, "key", "", "key type: p256 or rsa-2048 (default: the board's best)")
	f.IntVar(&o.days, "days", ca.DefaultLeafDays, "days of validity, at most 825, of which the first is yesterday")
	f.StringVar(&o.out, "out", "", "folder for the files (default: the first name)")
	f.BoolVar(&o.renew, "renew", false, "replace a certificate that is still valid, with a new key; names, board, firmware, key type and board clock stay unless given")
	f.BoolVar(&o.force, "force", false, "allow what is unwise: slow keys, writing into a folder that is not empty")
	f.BoolVar(&o.boardClock, "board-clock", false, "valid from 2021-01-01, for boards that verify without a set clock; Apple devices refuse it")
	f.BoolVar(&o.dryRun, "dry-run", false, "check and tell everything, sign and write nothing")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.StringVar(&o.passphrase.file, "passphrase-file", "", "file whose first line is the passphrase of the root key")
	f.StringVar(&o.client, "client", "", "issue a client identity of this `LABEL` instead of a device's certificate")
	o.p12.add(cmd)
	return cmd
}

// issuance is one run of issue: what was decided so far.
type issuance struct {
	options   issueOptions
	store     *store.Store
	authority *ca.Authority
	names     ca.Names
	board     device.Board
	keyType   ca.KeyType
	formats   []string
	last      *store.Issued // nil for a new name
	unwise    bool          // what is allowed but unwise was wanted, now or before
	before    earlier       // the files of the certificate that is renewed
	key       crypto.Signer
	prepared  *ca.Prepared
	out       *destination
	lost      error // why the last certificate's description told nothing
}

func (a *app) runIssue(ctx context.Context, o issueOptions) (err error) {
	i := &issuance{options: o, unwise: o.force}
	faults := i.parse()
	if i.store, i.authority, err = a.open(); err != nil {
		return cmp.Or(faults, err)
	}
	defer func() { err = errors.Join(err, i.store.Close()) }()
	if faults != nil {
		return errors.Join(faults, i.authority.Permits(i.names))
	}
	if err := i.prepare(a.Now()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.out.close()) }()
	i.note(a)
	if o.dryRun {
		return a.tellIssued(i.result(nil, nil))
	}
	// Asked for before the lock is taken: a prompt may stand for hours.
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
	r := i.result(leaf, files)
	r.Stale = i.out.stale(i.before, files)
	return a.tellIssued(r)
}

// note tells what was decided and may not be what the user wants.
func (i *issuance) note(a *app) {
	for _, row := range i.board.Unable(i.formats, string(i.keyType)) {
		first, _, _ := strings.Cut(row.Versions, " ")
		a.note("%s %s does not load these files: for that, add --firmware %s@%s", row.Name, row.Versions, row.ID, first)
	}
	if i.lost != nil {
		a.note("%v; the new certificate is for %s, and its board is %s", i.lost, displayNames(i.names), i.board.ID)
	}
}

// parse reads the arguments; all of their faults come at once.
func (i *issuance) parse() error {
	if i.options.out == "-" {
		return usageError{errors.New("--out - is for export: a board has several files"), "picoca issue"}
	}
	var nameErr, boardErr, keyErr error
	i.names, nameErr = ca.ParseNames(i.options.names)
	i.board, boardErr = device.Find(i.options.board)
	if i.options.key != "" {
		i.keyType, keyErr = ca.ParseKeyType(i.options.key)
	}
	return errors.Join(nameErr, boardErr, keyErr)
}

// prepare decides everything that can be refused without the root's key.
func (i *issuance) prepare(now time.Time) (err error) {
	if err := i.checkPrevious(now); err != nil {
		return err
	}
	i.keyType = cmp.Or(i.keyType, ca.KeyType(i.board.Keys[0]))
	if i.board, err = running(i.board, i.options.firmware); err != nil {
		return err
	}
	if err := i.board.Fits(i.facts(0), i.unwise); err != nil {
		return err
	}
	if i.formats, err = i.chooseFormats(); err != nil {
		return err
	}
	if i.key, err = i.keyType.Generate(); err != nil {
		return err
	}
	profile := ca.Profile{Life: ca.Days(i.options.days), Cut: !i.options.given("days"), Force: i.unwise, BoardClock: i.options.boardClock}
	if i.prepared, err = i.authority.Prepare(profile, i.names, i.key.Public(), now); err != nil {
		return err
	}
	if err := i.board.Fits(i.facts(i.prepared.Size()), i.unwise); err != nil {
		return err
	}
	may, err := i.replacing()
	if err != nil {
		return err
	}
	i.out, err = openReplacing(i.folder(), i.authority.Certificate(), may)
	return err
}

// replacing is what of the folder may be replaced: with --renew, the files of
// the certificate before.
func (i *issuance) replacing() (replacing, error) {
	if i.options.renew && i.last != nil {
		i.before = earlierFiles(i.store, *i.last)
	}
	if i.options.force {
		return everything, nil
	}
	if i.before == nil {
		return nil, nil
	}
	targets, err := fileNames(i.formats, export.Bundle{Root: i.authority.Certificate(), Leaf: i.authority.Certificate(), Key: i.key})
	return i.before.renewal(targets), err
}

// chooseFormats returns the formats that the board's firmware loads: of the
// release that the user names, or of all that is known.
func (i *issuance) chooseFormats() ([]string, error) {
	return boardFormats(i.board, i.options.firmware, string(i.keyType))
}

// boardFormats returns the formats of a board's files: of all its firmware, or
// of the release that board was narrowed to.
func boardFormats(board device.Board, release, key string) ([]string, error) {
	if release == "" {
		return board.Formats, nil
	}
	format, err := device.FormatFor(board.Firmware, key)
	return []string{format}, err
}

func (i *issuance) facts(size int) device.Certificate {
	return device.Certificate{Key: string(i.keyType), RootKey: string(i.authority.KeyType()), Bytes: size, Names: len(i.names.All())}
}

// folder is where the files go: a device's name, which no shell and no file
// system stumbles over.
func (i *issuance) folder() string {
	if i.options.out != "" {
		return i.options.out
	}
	return store.FolderName(i.names.First().String())
}

// stillValidError says that a device has a certificate that need not be
// replaced.
type stillValidError struct {
	name  string
	until time.Time
}

func (e stillValidError) Error() string {
	return fmt.Sprintf("%s has a certificate that is valid until %s", e.name, day(e.until))
}

// checkPrevious looks at the device's last certificate: one that is valid is
// replaced only by --renew, which keeps its names, board and key type.
func (i *issuance) checkPrevious(now time.Time) error {
	last, err := i.store.Latest(i.names.First().String())
	if errors.Is(err, store.ErrNotIssued) {
		return nil
	}
	if err != nil {
		return err
	}
	i.last = &last
	if i.options.renew {
		about, lost, err := recall(i.store, last, i.names.First().String())
		i.lost = lost
		return cmp.Or(err, i.keep(about))
	}
	about, err := i.store.About(last)
	switch {
	case err != nil:
		return err
	case now.After(about.NotAfter):
		return nil
	}
	return stillValidError{about.Name, about.NotAfter}
}

// keep takes over from the last certificate what no flag changes.
func (i *issuance) keep(last store.About) error {
	var nameErr, boardErr error
	if !i.options.given("board-clock") {
		i.options.boardClock = hasBoardClock(last)
	}
	if len(i.options.names) == 1 && len(last.Names) > 0 {
		i.names, nameErr = ca.ParseNames(last.Names)
	}
	if !i.options.given("board") && last.Board != "" {
		i.board, boardErr = device.Find(last.Board)
		if !i.options.given("firmware") {
			i.options.firmware = last.Firmware
		}
	}
	if !i.options.given("key") && !i.options.given("board") {
		i.keyType = ca.KeyType(last.Key)
		i.unwise = i.unwise || last.Key != ""
	}
	return errors.Join(nameErr, boardErr)
}

// hasBoardClock reports whether a certificate was issued with --board-clock.
func hasBoardClock(about store.About) bool {
	return about.NotAfter.Sub(about.NotBefore) > ca.Days(ca.MaxLeafDays)
}

// publish signs and writes. The lock is held.
func (i *issuance) publish(now time.Time) (*x509.Certificate, []export.File, error) {
	if !i.options.renew { // somebody may have issued it while we waited
		if err := i.checkPrevious(now); err != nil {
			return nil, nil, err
		}
	}
	return publication{i.store, i.authority, i.prepared, i.key, i.out, i.about, i.render}.run()
}

func (i *issuance) render(leaf *x509.Certificate) ([]export.File, error) {
	return renderAll(i.formats, aDevice, export.Bundle{Root: i.authority.Certificate(), Leaf: leaf, Key: i.key})
}

func (i *issuance) about(leaf *x509.Certificate) store.About {
	return store.About{
		Name:      i.names.First().String(),
		Names:     i.names.Strings(),
		Board:     i.board.ID,
		Firmware:  i.options.firmware,
		Key:       string(i.keyType),
		Serial:    serial(leaf),
		NotBefore: leaf.NotBefore,
		NotAfter:  leaf.NotAfter,
		SHA256:    fingerprint(leaf),
	}
}

// unlock gives the authority its key, asking for the passphrase if there is
// one.
func (a *app) unlock(ctx context.Context, s *store.Store, authority *ca.Authority, flags passphraseFlags) error {
	sealed, err := s.RootKeySealed()
	if err != nil {
		return err
	}
	var passphrase []byte
	if sealed {
		if passphrase, err = a.rootPassphrase(ctx, flags); err != nil {
			return err
		}
	}
	key, err := s.RootKey(passphrase)
	if err != nil {
		return err
	}
	return authority.Unlock(key)
}

// issuedJSON is the result of issue as --json prints it.
type issuedJSON struct {
	store.About
	DryRun           bool          `json:"dry_run"`
	CertificateBytes int           `json:"certificate_bytes"`
	Costs            []device.Cost `json:"costs"`
	Files            []writtenJSON `json:"files"`
	// Stale are files of the certificate before, in other formats.
	Stale       []string `json:"stale,omitempty"`
	board       device.Board
	certificate device.Certificate
	names       ca.Names
	json        bool
	boardClock  bool
}

// result tells what was issued, or, without a leaf, what would be.
func (i *issuance) result(leaf *x509.Certificate, files []export.File) issuedJSON {
	r := issuedJSON{board: i.board, names: i.names, json: i.options.json, boardClock: i.options.boardClock}
	if leaf == nil {
		r.About = store.About{
			Name: i.names.First().String(), Names: i.names.Strings(), Board: i.board.ID, Key: string(i.keyType),
			NotBefore: i.prepared.NotBefore(), NotAfter: i.prepared.NotAfter(),
		}
		r.DryRun, r.CertificateBytes, r.Files = true, i.prepared.Size(), []writtenJSON{}
	} else {
		r.About, r.CertificateBytes = i.about(leaf), len(leaf.Raw)
		r.Files = describeFiles(i.folder(), files)
	}
	r.certificate = i.facts(r.CertificateBytes)
	r.Costs = i.board.CostOf(r.certificate)
	return r
}

func (a *app) tellIssued(r issuedJSON) error {
	if r.boardClock {
		a.note("Apple devices refuse this certificate: it is valid for more than 825 days")
	}
	if r.json {
		return a.printJSON(r)
	}
	a.say("%s: %s, until %s. %s.", displayNames(r.names), keyTitle(r.Key), day(r.NotAfter), fitText(r.board, r.certificate))
	if r.DryRun {
		a.say("dry run: the certificate would have at most %s; nothing was signed or written", bytesText(r.CertificateBytes))
		return nil
	}
	a.sayWritten(r.Files)
	if len(r.Stale) > 0 {
		a.note("still of the certificate before: %s", strings.Join(r.Stale, ", "))
	}
	a.say("next: copy %s to the %s; %s phone", countText(len(r.Files)), placeOf(r.board), strings.TrimSpace(a.here("picoca ")))
	return nil
}

// placeOf is what people call the thing that the files go to.
func placeOf(board device.Board) string {
	if board.ID == "computer" {
		return "server"
	}
	return "board"
}

func countText(n int) string {
	switch n {
	case 1:
		return "it"
	case 2:
		return "both"
	}
	return fmt.Sprintf("all %d", n)
}

// maxNamesShown is how many names a sentence lists.
const maxNamesShown = 8

func displayNames(names ca.Names) string {
	var all []string
	for _, name := range names.All() {
		all = append(all, name.Display())
	}
	if more := len(all) - maxNamesShown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNamesShown], ", "), more)
	}
	return strings.Join(all, ", ")
}

// fitText tells what the board makes of a certificate that it was issued for,
// with the figures of its thriftiest firmware: "Fits Raspberry Pi Pico W (27.3
// KB of heap, 0.5 s in MicroPython)".
func fitText(board device.Board, c device.Certificate) string {
	verdict := verdictFits
	if board.Unwise(c.Key) {
		verdict = verdictUnwise
	}
	text := verdictTexts[verdict] + " " + board.Name
	if row, figures := board.Cheapest(c); figures != (device.Figures{}) {
		text += fmt.Sprintf(" (%s in %s)", figures, row.Name)
	}
	return text
}
