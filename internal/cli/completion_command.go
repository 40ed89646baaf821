package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/picoca/picoca/internal/fault"
)

// shells are those that picoca writes a completion for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell",
		Long: `Prints a script that teaches your shell to complete picoca's commands and flags,
the names in your CA, devices with their firmware and versions, and formats.
Save it where the shell looks for such scripts, then open a new terminal.`,
		Example: `  picoca completion bash > ~/.local/share/bash-completion/completions/picoca
  picoca completion zsh > "${fpath[1]}/_picoca"
  picoca completion fish > ~/.config/fish/completions/picoca.fish
  Add-Content $PROFILE 'picoca completion powershell | Out-String | Invoke-Expression'`,
		Args: args(1, 1, "the name of a shell: bash, zsh, fish or powershell"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeCompletion(cmd.Root(), args[0], a.Stdout)
		},
	}
}

// writeCompletion writes the script for a shell, with descriptions.
func writeCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	return misuse(fmt.Sprintf("shell %q is not one of bash, zsh, fish, powershell", shell), fault.Run("completion", "--help"))
}
