package cli

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/company/deployer/internal/testkit/page"
)

var _ = flag.Bool("update", false, "write the page of commands")

// TestPageOfCommands: docs/reference/commands.md has the help texts of the commands.
func TestPageOfCommands(t *testing.T) {
	root := newRoot(&Factory{answer: &answer{}})
	var b strings.Builder
	b.WriteString(page.Note + "# Commands and flags\n\n")
	b.WriteString(page.Paragraph("What `--help` says of each command. See [commands](../commands.md) for what they " +
		"do, their JSON and their exit codes."))
	b.WriteString("## Flags of every command\n\n" + flagList(root.PersistentFlags()))
	describeCommands(&b, root)
	page.Compare(t, "../../docs/reference/commands.md", b.String())
}

func describeCommands(b *strings.Builder, parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		if cmd.Name() == "help" || cmd.Hidden {
			continue
		}
		if cmd.Runnable() && (!cmd.HasSubCommands() || cmd.LocalNonPersistentFlags().HasFlags()) {
			about := cmd.Long
			if about == "" {
				about = cmd.Short + "."
			}
			fmt.Fprintf(b, "\n## %s\n\n`%s`\n\n%s\n", strings.TrimPrefix(cmd.CommandPath(), "deployer "), cmd.UseLine(),
				strings.TrimSpace(page.Paragraph("%s", about)))
			flags := flagList(cmd.LocalNonPersistentFlags())
			if flags != "" {
				b.WriteString("\n" + flags)
			}
			if cmd.Example != "" {
				b.WriteString("\n```sh\n" + strings.ReplaceAll("\n"+cmd.Example, "\n  ", "\n")[1:] + "\n```\n")
			}
		}
		describeCommands(b, cmd)
	}
}

func flagList(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		written := "--" + f.Name
		if f.Shorthand != "" {
			written = "-" + f.Shorthand + "`, `" + written
		}
		if name != "" {
			written += " " + name
		}
		if plain := f.DefValue; plain != "" && plain != "false" && plain != "0" && plain != "[]" && plain != "0s" {
			usage += " (default " + plain + ")"
		}
		b.WriteString(page.Item("`%s`: %s", written, usage))
	})
	return b.String()
}
