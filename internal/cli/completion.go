package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/delegate"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/pki"
)

// completer returns what can stand for a word that begins as typed, given the words
// before it. Completion takes no lock, changes nothing, and says nothing about what
// it cannot read: the command itself does.
type completer func(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective)

const noFiles = cobra.ShellCompDirectiveNoFileComp

// addCompletion decides for every command and flag what its words can be. It is
// called only in a run that completes: nothing else pays for it.
func (a *app) addCompletion(cmd *cobra.Command) {
	cmd.ValidArgs, cmd.ValidArgsFunction = nil, a.cobraCompleter(argCompleters[commandName(cmd)])
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }) // shown as it is
	for flag, c := range flagCompleters {
		if own := cmd.LocalFlags().Lookup(flag); own != nil {
			if special, ok := ownFlagCompleters[commandName(cmd)+" --"+flag]; ok {
				c = special
			}
			_ = cmd.RegisterFlagCompletionFunc(flag, a.cobraCompleter(c)) // it has the flag, and none yet
		}
	}
	for _, sub := range cmd.Commands() {
		a.addCompletion(sub)
	}
}

// commandName is the command without the program's name, such as "export crl".
func commandName(cmd *cobra.Command) string {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	return name
}

func (a *app) cobraCompleter(c completer) cobra.CompletionFunc {
	if c == nil {
		c = nothing
	}
	return func(_ *cobra.Command, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return c(a, before, typed)
	}
}

// isCompletion reports whether a shell asks what a word can be.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// programs completes the first argument of delegate, a program; the second is a
// folder.
func programs(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(before) == 1 {
		return folders(a, before, typed)
	}
	return first(words(delegate.IDs()...))(a, before, typed)
}

func nothing(*app, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, noFiles
}

func files(*app, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func folders(*app, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// words completes one of a few words, each perhaps with a description after a tab.
func words(all ...cobra.Completion) completer {
	return func(_ *app, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return beginning(all, typed), noFiles
	}
}

// beginning returns what begins as typed, in upper or lower case.
func beginning(all []cobra.Completion, typed string) []cobra.Completion {
	return slices.DeleteFunc(slices.Clone(all), func(one cobra.Completion) bool {
		return len(one) < len(typed) || !strings.EqualFold(one[:len(typed)], typed)
	})
}

// first completes the first argument, with some more words, and no other.
func first(c completer, more ...cobra.Completion) completer {
	return func(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(before) > 0 {
			return nil, noFiles
		}
		all, directive := c(a, before, typed)
		return append(all, beginning(more, typed)...), directive
	}
}

// commands completes the argument of help: a command, or a topic.
func commands(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var all []cobra.Completion
	for _, group := range a.groups() {
		for _, entry := range group.entries {
			all = append(all, entry.name+"\t"+entry.short)
		}
	}
	for _, t := range Topics() {
		all = append(all, t.Name+"\t"+t.Title)
	}
	return first(words(all...), topicList+"\tevery topic")(a, before, typed)
}

func holders(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeHolders(typed, pki.Device, pki.Identity), noFiles
}

func devices(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeHolders(typed, pki.Device), noFiles
}

func identities(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeHolders(typed, pki.Identity), noFiles
}

// completeHolders returns the names in the store, each with what it is for and
// until when it is valid.
func (a *app) completeHolders(typed string, kinds ...pki.Kind) []cobra.Completion {
	c, err := a.open()
	if err != nil {
		return nil
	}
	defer c.Close()
	var all []cobra.Completion
	for issued, err := range c.All(true) {
		if err == nil && slices.Contains(kinds, pki.KindOf(issued)) {
			all = append(all, describeHolder(issued.Record.Name, issued.Record.For, pki.Day(issued.Leaf.NotAfter)))
		}
	}
	return beginning(all, typed)
}

func describeHolder(name, target, until string) cobra.Completion {
	if target == "" {
		return name + "\tidentity, valid until " + until
	}
	return name + "\t" + target + ", valid until " + until
}

func roots(a *app, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := a.open()
	if err != nil {
		return nil, noFiles
	}
	defer c.Close()
	all, err := c.Roots()
	if err != nil {
		return nil, noFiles
	}
	var ids []cobra.Completion
	for _, root := range all {
		ids = append(ids, root.ID+"\tvalid until "+pki.Day(root.Certificate.NotAfter))
	}
	return beginning(ids, typed), noFiles
}

func deviceIDs(_ *app, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var all []cobra.Completion
	for _, id := range beginning(device.IDs(), typed) {
		if d, err := device.Find(id); err == nil {
			all = append(all, id+"\t"+d.Name)
		}
	}
	return all, noFiles
}

// targets completes DEVICE/FIRMWARE@VERSION from left to right.
func targets(a *app, before []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	id, _, below := strings.Cut(typed, "/")
	if !below {
		return deviceIDs(a, before, typed)
	}
	d, err := device.Find(id)
	if err != nil {
		return nil, noFiles
	}
	var all []cobra.Completion
	for _, f := range d.Firmware {
		all = append(all, id+"/"+f.ID+"\t"+f.Name)
		for _, v := range f.Versions {
			if first, _, _ := strings.Cut(v.Range, " "); first != "" && first != "any" {
				all = append(all, id+"/"+f.ID+"@"+first+"\t"+f.Name+" "+v.Range)
			}
		}
	}
	return beginning(all, typed), noFiles
}

func formats(_ *app, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var all []cobra.Completion
	for _, f := range export.Formats() {
		all = append(all, f.ID+"\t"+f.Reader)
	}
	return beginning(all, typed), noFiles
}

func keyTypes(_ *app, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return beginning(ca.KeyTypeNames(), typed), noFiles
}

func reasons(_ *app, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return beginning(ca.ReasonNames(), typed), noFiles
}
