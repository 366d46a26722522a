package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kedge/internal/payload"
)

// HelperVersions tells the version of each helper that the executable carries,
// by its name; nil when it carries none.
type HelperVersions func() (map[string]string, error)

// carriedHelpers asks the payload of the running executable.
func carriedHelpers() (map[string]string, error) {
	carried, err := payload.OpenRunning()
	if errors.Is(err, payload.Absent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer carried.Close()
	return carried.Index().Versions, nil
}

// versionReport is the JSON that "kedge version -o json" prints.
type versionReport struct {
	Version    string             `json:"version"`
	GoVersion  string             `json:"goVersion"`
	OS         string             `json:"os"`
	Arch       string             `json:"arch"`
	Variant    string             `json:"variant,omitempty"`
	Components []componentVersion `json:"components"`
	// Helpers are the versions of the helpers by name; absent in a build that
	// carries none, and without --all.
	Helpers map[string]string `json:"helpers,omitempty"`
	// Build is absent without --all.
	Build *buildInputs `json:"build,omitempty"`
}

// buildInputs are what shaped the executable besides its sources.
type buildInputs struct {
	// Date is the lock's, in RFC 3339: nothing here depends on when it was built.
	Date string `json:"date,omitempty"`
	// Settings are those of the Go command: -tags, -trimpath, GOARM...
	Settings map[string]string `json:"settings"`
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
	var all bool
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
			if output != "" && output != "json" {
				return &usageError{problem: fmt.Sprintf("unknown output format %q", output), hint: "The only one is 'json'."}
			}
			report := newVersionReport(env)
			if all {
				if err := report.addAll(env); err != nil {
					return err
				}
			}
			if output == "json" {
				return report.writeJSON(env.Stdout)
			}
			return report.writeText(env)
		},
	}
	addOutputFlag(cmd.Flags(), &output)
	cmd.Flags().BoolVar(&all, "all", false, "also the helpers, and what the build was told")
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

func (r *versionReport) addAll(env Env) error {
	ask := env.Helpers
	if ask == nil {
		ask = carriedHelpers
	}
	helpers, err := ask()
	if err != nil {
		return fmt.Errorf("versions of the helpers: %w", err)
	}
	r.Helpers = helpers
	r.Build = &buildInputs{Date: env.Build.Date, Settings: make(map[string]string, len(env.Build.Settings))}
	for _, setting := range env.Build.Settings {
		r.Build.Settings[setting.Key] = setting.Value
	}
	return nil
}

func (r versionReport) writeText(env Env) error {
	table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "kedge\t%s\t(%s, %s)\n", r.Version, r.GoVersion, env.Build.Platform())
	for _, component := range r.Components {
		fmt.Fprintf(table, "%s\t%s\n", component.Name, component.Version)
	}
	if r.Build != nil {
		r.writeAll(table)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print version: %w", err)
	}
	return nil
}

func (r versionReport) writeAll(out io.Writer) {
	fmt.Fprint(out, "\nHelpers inside this file:\n")
	if len(r.Helpers) == 0 {
		fmt.Fprint(out, "none\t(a development build)\n")
	}
	writeSorted(out, r.Helpers)
	fmt.Fprint(out, "\nWhat the build was told:\n")
	if r.Build.Date != "" {
		fmt.Fprintf(out, "date\t%s\n", r.Build.Date)
	}
	writeSorted(out, r.Build.Settings)
}

func writeSorted(out io.Writer, values map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(out, "%s\t%s\n", key, values[key])
	}
}

func (r versionReport) writeJSON(out io.Writer) error {
	if err := writeJSON(out, r); err != nil {
		return fmt.Errorf("print version: %w", err)
	}
	return nil
}
