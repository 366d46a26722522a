package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kedge/internal/payload"
	"kedge/internal/sysinfo"
)

func newSysinfo(env Env) *cobra.Command {
	var output, dataDir, roleName string
	cmd := &cobra.Command{
		Use:   "sysinfo",
		Short: "Tell whether this machine can run kedge, and what to do if not",
		Long: `kedge sysinfo looks at the kernel, control groups, memory, disk and the few
programs that a cluster needs. It changes nothing and loads no module. The exit
code is 0 when everything that is required is there, else 1.`,
		Example: `  kedge sysinfo --role worker
  kedge sysinfo -o json --data-dir /mnt/data/kedge`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			role, known := sysinfo.ParseRole(roleName)
			if !known {
				return &usageError{problem: fmt.Sprintf("unknown role %q", roleName), hint: "The roles are controller, worker and single."}
			}
			if err := checkOutput(output); err != nil {
				return err
			}
			host, err := sysinfo.Running(dataDir, buildDate(env))
			if err != nil {
				return err
			}
			return reportSysinfo(env.Stdout, sysinfo.Judge(host, role), output)
		},
	}
	addOutputFlag(cmd.Flags(), &output)
	cmd.Flags().StringVar(&dataDir, "data-dir", payload.DefaultDataDir, "the data directory that kedge would use")
	cmd.Flags().StringVar(&roleName, "role", string(sysinfo.Single), "what the machine shall be: controller, worker, or single for both")
	return cmd
}

// buildDate is the date that the build was told; zero in a development build.
func buildDate(env Env) time.Time {
	date, err := time.Parse(time.RFC3339, env.Build.Date)
	if err != nil {
		return time.Time{}
	}
	return date
}

// reportSysinfo prints the report; it fails when the machine is rejected.
func reportSysinfo(out io.Writer, report sysinfo.Report, output string) error {
	write := writeSysinfo
	if output == "json" {
		write = func(out io.Writer, report sysinfo.Report) error { return writeJSON(out, report) }
	}
	if err := write(out, report); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if rejected := report.Count(sysinfo.Rejected); rejected > 0 {
		return fmt.Errorf("this machine cannot be a %s: %d of the checks are rejected", report.Role, rejected)
	}
	return nil
}

func writeSysinfo(out io.Writer, report sysinfo.Report) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, result := range report.Results {
		line := result.Found
		if result.ToDo != "" {
			line += fmt.Sprintf(" (%s for %s): %s", result.Need, result.For, result.ToDo)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", result.Verdict, result.Name, line)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d passed, %d notes, %d warnings, %d rejected\n", report.Count(sysinfo.Pass),
		report.Count(sysinfo.Note), report.Count(sysinfo.Warning), report.Count(sysinfo.Rejected))
	return err
}
