package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/picoca/picoca/internal/cli"
	"github.com/picoca/picoca/internal/fault"
)

// row is a term and what it means.
type row struct{ term, text string }

// exitStatus, environment and files are the same on each page.
var (
	exitStatus = []row{
		{fmt.Sprint(fault.Done), "The command did what was asked."},
		{fmt.Sprint(fault.Failed), "It failed, and nothing was left half done."},
		{fmt.Sprint(fault.Usage), "The command line is wrong."},
		{fmt.Sprint(fault.NoCA), "There is no CA in the folder."},
		{fmt.Sprint(fault.Found), "A check found something, such as a certificate that is due for renewal."},
		{fmt.Sprint(fault.Interrupted), "It was interrupted."},
	}
	environment = []row{
		{"PICOCA_HOME", "The folder of the CA, unless --home names one."},
		{"PICOCA_PASSPHRASE_FILE", "A file whose first line is the passphrase of the root key, unless --passphrase-file names one."},
		{"XDG_DATA_HOME, HOME, LocalAppData", "Where the usual folder of the CA is: see FILES."},
		{"SSH_AUTH_SOCK", "The SSH agent that holds the root key, if one does."},
		{"SUDO_UID, SUDO_GID", "The user who ran sudo, to whom the files then belong."},
		{"PATH", "Where the programs are that some commands run, such as ssh and certutil."},
	}
	files = []row{
		{"~/.local/share/picoca", "The CA on Linux, or picoca in $XDG_DATA_HOME. A copy of this folder is a backup."},
		{"~/Library/Application Support/picoca", "The CA on macOS."},
		{`%LocalAppData%\picoca`, "The CA on Windows."},
		{"roots/*/cert.pem", "In the folder of the CA: each root certificate; key.pem beside it is its key, crl.pem its revocation list."},
		{"issued/*/*/cert.pem", "In the folder of the CA: each certificate that was issued; key.pem beside it is its key, unless the device keeps it."},
	}
)

// topics are the guides to tasks, each with the command that prints it.
func topics() []row {
	var rows []row
	for _, t := range cli.Topics() {
		rows = append(rows, row{"picoca help " + t.Name, t.Title + "."})
	}
	return rows
}

// roff is a page as it grows.
type roff struct{ strings.Builder }

// page returns the man page of a command.
func page(cmd *cobra.Command, date string) string {
	r := &roff{}
	fmt.Fprintf(r, ".TH %s 1 %s picoca \"picoca manual\"\n", quoted(strings.ToUpper(pageName(cmd))), date)
	r.section("NAME")
	fmt.Fprintf(r, "%s \\- %s\n", escape(pageName(cmd)), escape(cmd.Short))
	r.section("SYNOPSIS")
	name, rest, _ := strings.Cut(cmd.UseLine()+" ", cmd.CommandPath()+" ")
	fmt.Fprintf(r, "%s\\fB%s\\fR %s\n", escape(name), escape(cmd.CommandPath()), escape(strings.TrimSpace(rest)))
	r.section("DESCRIPTION")
	r.text(longOf(cmd))
	r.commands(cmd)
	r.flags("OPTIONS", cmd.NonInheritedFlags())
	r.flags("GLOBAL OPTIONS", cmd.InheritedFlags())
	if cmd.HasExample() {
		r.section("EXAMPLES")
		r.verbatim(cmd.Example)
	}
	if !cmd.HasParent() {
		r.rows("TOPICS", topics())
	}
	r.rows("EXIT STATUS", exitStatus)
	r.rows("ENVIRONMENT", environment)
	r.rows("FILES", files)
	r.seeAlso(cmd)
	return r.String()
}

func longOf(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return cmd.Long
	}
	return cmd.Short + "."
}

func (r *roff) section(title string) { fmt.Fprintf(r, ".SH %s\n", quoted(title)) }

// text writes paragraphs. Lines that are indented keep their form.
func (r *roff) text(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			r.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			r.verbatim(paragraph)
			continue
		}
		for line := range strings.Lines(paragraph) {
			r.WriteString(line1(strings.TrimSpace(line)) + "\n")
		}
	}
}

func (r *roff) verbatim(text string) {
	r.WriteString(".nf\n.RS 2\n")
	for line := range strings.SplitSeq(text, "\n") {
		r.WriteString(line1(strings.TrimPrefix(line, "  ")) + "\n")
	}
	r.WriteString(".RE\n.fi\n")
}

func (r *roff) rows(title string, rows []row) {
	r.section(title)
	for _, row := range rows {
		fmt.Fprintf(r, ".TP\n\\fB%s\\fR\n%s\n", escape(row.term), line1(row.text))
	}
}

// commands lists the commands below, with their pages.
func (r *roff) commands(cmd *cobra.Command) {
	var rows []row
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			rows = append(rows, row{pageName(sub) + "(1)", sub.Short + "."})
		}
	}
	if len(rows) > 0 {
		r.rows("COMMANDS", rows)
	}
}

func (r *roff) flags(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	r.section(title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := `\fB` + escape("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + escape("-"+f.Shorthand) + `\fR, ` + name
		}
		switch {
		case value != "" && f.NoOptDefVal != "": // it may be left out
			name += `[=\fI` + escape(value) + `\fR]`
		case value != "":
			name += ` \fI` + escape(value) + `\fR`
		}
		fmt.Fprintf(r, ".TP\n%s\n%s\n", name, line1(usage+defaultOf(f)))
	})
}

// defaultOf says what a flag is if it is not given, unless that goes without saying.
func defaultOf(f *pflag.Flag) string {
	if slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
		return ""
	}
	return fmt.Sprintf(" (default: %s)", f.DefValue)
}

func (r *roff) seeAlso(cmd *cobra.Command) {
	var pages []string
	add := func(other *cobra.Command) {
		pages = append(pages, `\fB`+escape(pageName(other))+`\fR(1)`)
	}
	if cmd.HasParent() {
		add(cmd.Parent())
		for _, other := range cmd.Parent().Commands() {
			if other != cmd && other.IsAvailableCommand() {
				add(other)
			}
		}
	}
	r.section("SEE ALSO")
	pages = append(pages, `\fBpicoca help topics\fR`, "https://github.com/picoca/picoca/tree/main/docs")
	r.WriteString(strings.Join(pages, ",\n") + "\n")
}

// escape writes text as roff reads it: hyphens that can be copied, and other scripts
// by their numbers, whatever the page's encoding is taken for.
func escape(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == '\\':
			b.WriteString(`\e`)
		case c == '-':
			b.WriteString(`\-`)
		case c > 126:
			fmt.Fprintf(&b, `\[u%04X]`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// line1 is escape for the beginning of a line, where a dot or a quote is a command.
func line1(text string) string {
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + escape(text)
	}
	return escape(text)
}

// quoted is one argument of a command.
func quoted(text string) string { return `"` + escape(text) + `"` }
