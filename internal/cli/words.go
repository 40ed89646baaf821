package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// explain prints what is wrong, each fault on a line, with what to do about it
// after the last of its kind.
func (a *app) explain(err error) {
	faults := flatten(err)
	for i, fault := range faults {
		fmt.Fprintf(a.Stderr, "error: %v\n", fault)
		hint := a.hint(fault)
		if hint != "" && (i+1 == len(faults) || a.hint(faults[i+1]) != hint) {
			fmt.Fprintf(a.Stderr, "hint: %s\n", a.here(hint))
		}
	}
}

// here names the store that --home names in the commands of a text, so that
// they can be pasted.
func (a *app) here(text string) string {
	if a.homeFlag == "" {
		return text
	}
	var out strings.Builder
	for {
		i := strings.Index(text, "picoca ")
		if i < 0 {
			return out.String() + text
		}
		before, command := text[:i], text[i+len("picoca "):]
		out.WriteString(before + "picoca ")
		if isCommand(out.String(), command) {
			out.WriteString("--home " + shellQuote(a.homeFlag) + " ")
		}
		text = command
	}
}

// isCommand tells a command, which may follow a sentence, from the program's name
// in a sentence and from somebody's words in quotes.
func isCommand(sofar, rest string) bool {
	verb, _, _ := strings.Cut(rest, " ")
	sofar = strings.TrimSuffix(sofar, "picoca ")
	starts := sofar == "" || slices.ContainsFunc([]string{": ", "; ", ", ", "? ", "or ", "with "}, func(end string) bool { return strings.HasSuffix(sofar, end) })
	return starts && strings.Count(strings.ReplaceAll(sofar, quotedQuote, ""), "'")%2 == 0 && slices.Contains(commandNames, strings.TrimRight(verb, ":;,."))
}

// commandNames are the commands that need a store.
var commandNames = []string{"init", "issue", "export", "list", "show", "phone", "example", "fit"}

// flatten returns the single faults of joined errors.
func flatten(err error) []error {
	if found, ok := err.(foundError); ok {
		err = found.error
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

// exitCode is the one place where an error becomes an exit code.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, store.ErrNoCA):
		return exitNoCA
	case isA[untrustedError](err), isA[foundError](err):
		return exitFound
	case isA[usageError](err), isA[unknownCommandError](err), isA[device.UnknownBoardError](err),
		isA[ca.UnknownKeyTypeError](err), isA[export.UnknownFormatError](err), isA[export.UnknownProfileError](err), errors.Is(err, errBothPassphrases),
		isA[device.ReleaseError](err), isA[device.UnknownFirmwareError](err), isA[example.UnknownFirmwareError](err), isA[versionError](err),
		errors.Is(err, example.ErrNoMutualTLS):
		return exitUsage
	}
	return exitFailed
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// hint says what to do about a fault, "" if there is nothing to say.
func (a *app) hint(err error) string {
	for _, row := range hintRows {
		if hint := row(a, err); hint != "" {
			return hint
		}
	}
	for _, row := range plainHints {
		if errors.Is(err, row.fault) {
			return row.hint
		}
	}
	return ""
}

// plainHints are for faults that always have the same cure. The general ones
// of the file system come last.
var plainHints = []struct {
	fault error
	hint  string
}{
	{store.ErrNoCA, "make one with: picoca init"},
	{store.ErrForeign, "choose an empty or a new folder with --home"},
	{store.ErrNotRegular, "remove it, and bring the file back from a backup of the folder; lock needs none"},
	{store.ErrPassphrase, "try again; if it is lost: picoca --home FOLDER init"},
	{store.ErrCost, "bring it back from a backup, or encrypt it with fewer iterations"},
	{store.ErrNoKey, "bring the file back from a backup of the folder, or make a new CA: picoca --home FOLDER init"},
	{ca.ErrOtherKey, "bring root/key.pem and root/cert.pem back from the same backup"},
	{ca.ErrNotRoot, "bring root/cert.pem back from a backup"},
	{errNoTerminal, "give --passphrase-file FILE; a new CA can do without: --no-passphrase"},
	{errNoPassphrase, "type it and press Enter, or give --passphrase-file FILE"},
	{errEmptyPassphrase, "write the passphrase to the file's first line; a new CA can do without: picoca init --no-passphrase"},
	{errLongPassphrase, "write the passphrase alone to the file's first line"},
	{errBothPassphrases, "give one of them"},
	{errNoHome, "name a folder: picoca --home FOLDER"},
	{errManyFiles, "name a folder: --out FOLDER, or one format: --format p12"},
	{example.ErrWildcard, "issue a certificate for the board itself: picoca issue pico.local"},
	{example.ErrIPv6, "issue a certificate for a name, by which devices find the board at either address: picoca issue pico.local"},
	{example.ErrNoMutualTLS, "choose --firmware micropython, circuitpython or esp-idf"},
	{example.ErrStrictRoot, "make another CA without --strict-constraints: picoca --home FOLDER init"},
	{errBinary, "name a place: --out FILE, or send it on: picoca export ... --out - | ..."},
	{errNoScreen, "set one with --p12-passphrase-file FILE, or have it printed all the same: --show-passphrase"},
	{syscall.EADDRINUSE, "choose other ports: --port 8450, or --port 0 for any that are free"},
	{syscall.ENOSPC, "make room on the disk, then run the same command again"},
	{syscall.EROFS, "choose a folder on a disk that can be written to: --home for the CA, --out for the files"},
	{syscall.ENOTDIR, "check the path: a file stands where it wants a folder"},
	{syscall.EISDIR, "check the path: it names a folder, not a file"},
	{fs.ErrPermission, "run picoca as the owner of that folder, or choose another: --home for the CA, --out for the files"},
	{fs.ErrNotExist, "check the path"},
}

// hintRows find the hints that depend on what is wrong.
var hintRows = []func(*app, error) string{
	hintOf(hintName),
	hintOf(func(e *ca.PermitError) string { return "permit a domain of your own, or a smaller network" }),
	hintOf(func(e reportError) string {
		return "whatever was issued is kept: picoca list shows it"
	}),
	hintOf(func(e ca.DaysError) string { return "leave --days out for the usual time" }),
	hintOf(func(e ca.RootNameError) string { return "choose a name such as --name \"Smith Home\"" }),
	hintOf(func(e ca.UnknownKeyTypeError) string { return "use p256: it is small, quick, and loads everywhere" }),
	hintOf(hintRule),
	hintOf(func(e ca.ExpiredError) string {
		if e.Now.Before(e.NotBefore) {
			return "set this computer's clock"
		}
		return "make a new CA in another folder, and have your devices trust it: picoca --home FOLDER init"
	}),
	hintOf(func(e unfitError) string { return e.hint }),
	hintOf(hintMisfit),
	hintOf(func(e device.UnknownBoardError) string {
		return "choose one of these, or computer for any server: " + boardIDs()
	}),
	hintOf(func(e export.UnknownFormatError) string { return "choose one of " + formatIDs() }),
	hintOf(func(e example.UnknownFirmwareError) string { return "choose one with --firmware: " + exampleIDs() }),
	hintOf(hintVersion),
	hintOf(func(e example.HostError) string { return "issue a certificate for a shorter name" }),
	hintOf(func(e example.SketchError) string {
		return "choose a folder whose name has at most 63 letters, digits, dots, hyphens and underscores: --out web-app"
	}),
	hintOf(func(e notDeviceError) string { return "name a device: picoca list" }),
	hintOf(func(e smallBoardError) string { return "take a board such as the Pico W" }),
	hintOf(func(e device.ReleaseError) string { return "write it as micropython or micropython@1.28" }),
	hintOf(func(e device.UnknownFirmwareError) string {
		return "choose " + strings.Join(e.Known, ", ") + "; or leave --firmware out for files that load on all of them"
	}),
	hintOf(func(e device.NoFormatError) string { return "tell the version, as --firmware circuitpython@10" }),
	hintOf(func(e wrongFormatError) string { return "choose another format: " + formatsFor(e.what) }),
	hintOf(func(e export.UnknownProfileError) string {
		return "choose legacy-des for phones, or modern2023 for computers"
	}),
	hintOf(func(e export.WeakPassphraseError) string {
		return "leave --p12-passphrase-file out for a strong one, or add --force: whoever has the file can try passphrases at leisure"
	}),
	hintOf(func(e export.PassphraseError) string {
		return "write letters, digits and signs of ASCII to the file's first line"
	}),
	hintOf(func(e ca.LabelError) string { return "choose a label such as --client kitchen-tablet" }),
	hintOf(func(e webClipError) string {
		return "name a device, or text and page: Garden=https://pico.local/"
	}),
	hintOf(func(e wrongSignerError) string { return "name a device or a client identity: picoca list" }),
	hintOf(func(e endedError) string { return "make a new one: " + renewCommandOf(e.subject) }),
	hintOf(func(e identityValidError) string {
		return fmt.Sprintf("picoca issue --renew --client %s for a new key, or picoca export --out FOLDER %s to write its files again",
			shellQuote(e.label), operand(e.label))
	}),
	hintOf(func(e store.ModeError) string { return fmt.Sprintf("chmod %o %s", e.Want&e.Have, shellQuote(e.Path)) }),
	hintOf(func(e store.MissingError) string { return hintLost(e.Device) }),
	hintOf(func(e store.DamagedError) string { return hintLost(e.Device) }),
	hintOf(func(e store.LayoutError) string {
		return "a later picoca wrote this folder: install that version, or choose another folder with --home"
	}),
	hintOf(func(e standingError) string {
		return "use it: picoca issue pico.local; or make another one: picoca --home FOLDER init"
	}),
	hintOf(func(e stillValidError) string {
		return fmt.Sprintf("picoca issue %s --renew for a new key, or picoca export %[1]s --out FOLDER to write its files again", shellQuote(e.name))
	}),
	hintOf(hintNotIssued),
	hintOf(func(e unwrittenError) string { return "picoca export --out FOLDER " + operand(e.name) }),
	hintOf(hintPicture),
	hintOf(hintInTheWay),
	hintOf(func(e inStoreError) string { return "choose another place with --out" }),
	hintOf(hintPhoneAddress),
	hintOf(func(e listenError) string {
		if errors.Is(e, fs.ErrPermission) {
			return "choose a port from 1024 on: --port 8440"
		}
		return ""
	}),
	hintOf(func(e untrustedError) string {
		return "follow the steps on the page to the last one, the check; --for gives more time"
	}),
	hintOf(func(e notClientError) string {
		return "picoca list shows what there is; make one: picoca issue --client kitchen-tablet"
	}),
	hintOf(func(e unknownCommandError) string {
		if len(e.suggestions) > 0 {
			return "did you mean: picoca " + strings.Join(e.suggestions, " or picoca ")
		}
		return "picoca --help lists the commands"
	}),
	hintOf(func(e usageError) string {
		if strings.Contains(e.Error(), "shorthand") {
			return e.command + " --help; before a name that begins with a hyphen put --"
		}
		return e.command + " --help"
	}),
}

func hintOf[E error](words func(E) string) func(*app, error) string {
	return func(_ *app, err error) string {
		if e, ok := errors.AsType[E](err); ok {
			return words(e)
		}
		return ""
	}
}

// nameHints says how to mend a name.
var nameHints = map[ca.Reason]string{
	ca.ReasonEmpty:      "name the device, such as pico.local",
	ca.ReasonUTF8:       "write the name in UTF-8, or in punycode",
	ca.ReasonControl:    "type the name again; something invisible was pasted with it",
	ca.ReasonSpace:      "put a hyphen in its place, such as my-pico.local; quote nothing",
	ca.ReasonZone:       "leave the zone out: it means something on one computer only",
	ca.ReasonPath:       "give the name alone, such as pico.local, without https:// and path",
	ca.ReasonPort:       "leave the port out",
	ca.ReasonBrackets:   "write an IPv6 address without brackets",
	ca.ReasonCharacter:  "use letters, digits and hyphens, such as my-pico.local",
	ca.ReasonHyphen:     "let each part begin and end with a letter or digit, with single hyphens between",
	ca.ReasonEmptyLabel: "write one dot between two parts, such as pico.local",
	ca.ReasonLongLabel:  "choose a shorter name",
	ca.ReasonLongName:   "choose a shorter name",
	ca.ReasonNumeric:    "write an address as 192.168.1.20, or let the name end in .local",
	ca.ReasonIDNA:       "choose letters that a domain name may have",
	ca.ReasonWildcard:   "write a wildcard as *.pico.local",
	ca.ReasonBroad:      "name the devices one by one, or go a level down, such as *.pico.local",
	ca.ReasonAddress:    "give the device's own address, such as 192.168.1.20",
}

func hintName(e *ca.NameError) string {
	if e.Reason != ca.ReasonOutside {
		return nameHints[e.Reason]
	}
	if !strings.ContainsAny(e.Input, ".:") {
		return "did you mean " + e.Input + ".local?"
	}
	choose := "choose a name under .local, or an address of your home network"
	permit := strings.TrimPrefix(e.Input, "*.")
	if _, err := ca.HomeConstraints().Permit([]string{permit}); err != nil {
		return choose
	}
	return choose + "; or make a CA that may vouch for this one: picoca --home FOLDER init --permit " + shellQuote(permit)
}

func hintNotIssued(e notIssuedError) string {
	const list = "picoca list shows what there is"
	names, err := ca.ParseNames([]string{e.name})
	switch {
	case err != nil:
		return list + "; picoca issue --client " + shellQuote(e.name) + " makes it"
	case !strings.ContainsAny(e.name, ".:"):
		return fmt.Sprintf("did you mean %s.local? %s; picoca issue --client %[1]s makes an identity", e.name, list)
	case ca.HomeConstraints().Contains(names.First()):
		return list + "; picoca issue " + shellQuote(e.name) + " makes it"
	}
	return list
}

// hintLost says how to do without a file of the store. A device's certificate
// can be made anew.
func hintLost(device string) string {
	const backup = "bring it back from a backup of the folder"
	if device == "" {
		return backup
	}
	return backup + ", or make a new certificate: " + renewCommandOf(subject{kind: aDevice, name: device}) + " --out FOLDER"
}

func hintRule(e ca.RuleError) string {
	switch e.Rule {
	case "key":
		return "use --key p256, or add --force"
	case "root-end":
		return "leave --days out: the certificate then ends with its root"
	}
	return ""
}

const hintOfRoot = "make another CA for this board: picoca --home FOLDER init --key rsa-2048"

func hintMisfit(e *device.MisfitError) string {
	switch e.Limit {
	case device.LimitRoot:
		return hintOfRoot
	case device.LimitBytes:
		return "give it fewer names, or issue several certificates"
	case device.LimitUnwise:
		return fmt.Sprintf("use --key %s, or issue it with --force", e.Instead)
	}
	return "use --key " + e.Instead
}

func hintVersion(e versionError) string {
	without := fmt.Sprintf("picoca example %s --firmware %s", shellQuote(e.name), e.firmware)
	if e.known == nil {
		return "put a later version onto the board, then: " + without
	}
	return fmt.Sprintf("choose a version of %s, or none for files that load on all of these: %s", strings.Join(e.known, ", "), without)
}

func hintInTheWay(e inTheWayError) string {
	if !e.replaceable {
		return "choose another place with --out"
	}
	return "choose another place with --out, or replace what is there with --force"
}

// renewCommandOf is the command that renews a certificate.
func renewCommandOf(s subject) string {
	if s.kind == aClient {
		return "picoca issue --renew --client " + shellQuote(s.name)
	}
	return "picoca issue --renew " + shellQuote(s.name)
}

// operand quotes a word that is no flag, even if it begins like one. It has to
// stand last.
func operand(word string) string {
	if strings.HasPrefix(word, "-") {
		return "-- " + shellQuote(word)
	}
	return shellQuote(word)
}

func boardIDs() string {
	var ids []string
	for _, board := range device.All() {
		ids = append(ids, board.ID)
	}
	return strings.Join(ids, ", ")
}

func formatIDs() string {
	var ids []string
	for _, format := range export.Formats() {
		ids = append(ids, format.ID)
	}
	return strings.Join(ids, ", ")
}

// quotedQuote is an apostrophe among quoted words: the quotes end, and begin again.
const quotedQuote = `'\''`

// shellQuote quotes a word for a command line that is to be copied, unless it
// has only what no shell takes for anything else.
func shellQuote(word string) string {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._:@%+=,-", r)
	}
	if os.PathSeparator == '/' && (word == "" || strings.ContainsFunc(word, odd)) {
		return "'" + strings.ReplaceAll(word, "'", quotedQuote) + "'"
	}
	return word
}
