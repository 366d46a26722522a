package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// versionReport is the JSON that "kedge version -o json" prints.
type versionReport struct {
	Version    string             `json:"version"`
	GoVersion  string             `json:"goVersion"`
	OS         string             `json:"os"`
	Arch       string             `json:"arch"`
	Variant    string             `json:"variant,omitempty"`
	Components []componentVersion `json:"components"`
}

type componentVersion struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Module  string `json:"module"`
	// Sum is the linked module's h1 digest; absent for a patched module.
	Sum string `json:"sum,omitempty"`
}

func newVersion(env Env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of kedge and of every component",
		GroupID: groupCommands,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{problem: fmt.Sprintf("version takes no argument, got %q", args[0]), hint: "See 'kedge version --help'."}
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			report := newVersionReport(env)
			switch output {
			case "":
				return report.writeText(env)
			case "json":
				return report.writeJSON(env.Stdout)
			default:
				return &usageError{problem: fmt.Sprintf("unknown output format %q", output), hint: "The only one is 'json'."}
			}
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "output format; json for programs (default: text for people)")
	return cmd
}

func newVersionReport(env Env) versionReport {
	report := versionReport{
		Version:    env.Build.Version,
		GoVersion:  env.Build.GoVersion,
		OS:         env.Build.OS,
		Arch:       env.Build.Arch,
		Variant:    env.Build.Variant,
		Components: []componentVersion{},
	}
	for _, program := range env.Table.Programs() {
		module := env.Build.Module(program.Module)
		report.Components = append(report.Components, componentVersion{
			Name:    program.Name,
			Version: module.Version,
			Module:  module.Path,
			Sum:     module.Sum,
		})
	}
	return report
}

func (r versionReport) writeText(env Env) error {
	table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "kedge\t%s\t(%s, %s)\n", r.Version, r.GoVersion, env.Build.Platform())
	for _, component := range r.Components {
		fmt.Fprintf(table, "%s\t%s\n", component.Name, component.Version)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print version: %w", err)
	}
	return nil
}

func (r versionReport) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("print version: %w", err)
	}
	return nil
}
