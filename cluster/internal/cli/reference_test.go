//go:build !without_controller

package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/golden"
	"kedge/internal/multicall"
)

// TestReferenceIsCurrent compares with the page. With UPDATE_GOLDEN set it writes it.
func TestReferenceIsCurrent(t *testing.T) {
	const page = "../../../docs/reference/commands.md"
	table, err := multicall.NewTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, page, reference(Env{Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Table: table}))
}

// reference is the page that tells users of every command of kedge's own.
func reference(env Env) string {
	var out strings.Builder
	out.WriteString(`<!-- Generated from the commands, do not edit: UPDATE_GOLDEN=1 go test ./internal/cli -->
# Commands

Exit codes: 0 is success, 1 a failure, 2 a command line or a configuration that kedge does not understand. Components have their own
flags: ` + "`kedge NAME --help`" + `.
`)
	referCommands(&out, newRoot(env))
	return out.String()
}

func referCommands(out *strings.Builder, parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		if cmd.GroupID == groupComponents || cmd.Hidden {
			continue
		}
		if cmd.HasSubCommands() {
			referCommands(out, cmd)
			continue
		}
		fmt.Fprintf(out, "\n## %s\n\n%s.\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.Short)
		if cmd.Long != "" {
			fmt.Fprintf(out, "\n%s\n", cmd.Long)
		}
		if cmd.Example != "" {
			fmt.Fprintf(out, "\n```\n%s\n```\n", unindent(cmd.Example))
		}
		referFlags(out, cmd)
	}
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}

func referFlags(out *strings.Builder, cmd *cobra.Command) {
	first := true
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" {
			return
		}
		if first {
			out.WriteString("\n| flag | default | |\n|---|---|---|\n")
			first = false
		}
		name := "`--" + flag.Name + "`"
		if flag.Shorthand != "" {
			name = "`-" + flag.Shorthand + "`, " + name
		}
		value := ""
		if flag.DefValue != "" && flag.DefValue != "[]" {
			value = "`" + flag.DefValue + "`"
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", name, value, strings.ReplaceAll(flag.Usage, "|", `\|`))
	})
}
