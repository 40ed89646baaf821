package cli

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
)

// topicsText has a part for each topic, below a line with its name, its page and
// its title.
//
//go:embed topics.txt
var topicsText string

// Topic is a short guide to a task, which picoca help NAME prints.
type Topic struct {
	Name, Title string
	Page        string // in the project's folder, perhaps with a heading: docs/board.md#names
	Text        string
}

// Topics returns every guide, in the order of their list.
func Topics() []Topic {
	var all []Topic
	for _, part := range strings.Split("\n"+topicsText, "\n== ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		words := strings.SplitN(heading, " ", 3)
		all = append(all, Topic{words[0], words[2], words[1], strings.Trim(text, "\n")})
	}
	return all
}

// topicList is the topic that lists the others.
const topicList = "topics"

// helpCommand is cobra's, but knows topics, and fails for what is neither a
// command nor a topic. A command comes first.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND|TOPIC]",
		Short:  "Show what a command does, or how a task is done",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				about.InitDefaultHelpFlag()
				return about.Help()
			}
			return writeTopic(cmd.OutOrStdout(), cmd.Root(), strings.Join(args, " "))
		},
	}
}

func writeTopic(w io.Writer, root *cobra.Command, name string) error {
	topics := Topics()
	if name == topicList {
		return writeTopicList(w, topics)
	}
	at := slices.IndexFunc(topics, func(t Topic) bool { return t.Name == name })
	if at < 0 {
		return errUnknownTopic(name, append(root.SuggestionsFor(name), nearTopics(topics, name)...))
	}
	t := topics[at]
	_, err := fmt.Fprintf(w, "%s\n\n%s\n\nMore: https://github.com/picoca/picoca/blob/main/%s\n", t.Title, t.Text, t.Page)
	return err
}

func writeTopicList(w io.Writer, topics []Topic) error {
	var list strings.Builder
	list.WriteString("Short guides to tasks: picoca help TOPIC\n\n")
	for _, t := range topics {
		fmt.Fprintf(&list, "  %-12s  %s\n", t.Name, t.Title)
	}
	list.WriteString("\nThe whole documentation: https://github.com/picoca/picoca/tree/main/docs\n")
	_, err := io.WriteString(w, list.String())
	return err
}

// nearTopics returns the topics with a similar name, as cobra compares commands.
func nearTopics(topics []Topic, name string) []string {
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, t := range append(topics, Topic{Name: topicList}) {
		names.AddCommand(&cobra.Command{Use: t.Name, Run: func(*cobra.Command, []string) {}})
	}
	return names.SuggestionsFor(name)
}

// errUnknownTopic suggests commands and topics with a similar name.
func errUnknownTopic(input string, suggestions []string) error {
	hint := fault.Hintf("%s lists the topics, %s the commands", fault.Command{"help", topicList}, fault.Command{"--help"})
	if len(suggestions) > 0 {
		hint = didYouMean(suggestions, "help")
	}
	return misuse(fmt.Sprintf("no command or topic %q", input), hint)
}

// didYouMean is a hint with the first two of a few words, each after those that
// begin the command.
func didYouMean(suggestions []string, begin ...string) fault.Hint {
	command := func(i int) fault.Command { return append(slices.Clone(fault.Command(begin)), suggestions[i]) }
	if len(suggestions) == 1 {
		return fault.Hintf("did you mean %s?", command(0))
	}
	return fault.Hintf("did you mean %s or %s?", command(0), command(1))
}
