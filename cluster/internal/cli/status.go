package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kedge/internal/install"
	"kedge/internal/status"
	"kedge/internal/versions"
)

func newStatus(env Env) *cobra.Command {
	var directories directoryFlags
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell how the running kedge is",
		Long: `kedge status asks the kedge that runs on this machine. The exit code is 0 when
everything is ready, else 1.`,
		Example: `  kedge status
  kedge status -o json`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			places, err := directories.layout()
			if err != nil {
				return err
			}
			report, err := status.Ask(background(cmd), places.StatusSocket())
			if err != nil {
				return err
			}
			told := statusReport{Report: report}
			if known, err := storeOf(places).Read(); err == nil && (known.Trial != nil || known.Failed != nil) {
				told.Upgrade = &known
			}
			return reportStatus(env.Stdout, told, output)
		},
	}
	directories.add(cmd.Flags())
	addOutputFlag(cmd.Flags(), &output)
	return cmd
}

// statusReport is what the running kedge tells, and what is known of its versions.
type statusReport struct {
	status.Report
	// Upgrade is missing while no version is on trial and none has failed.
	Upgrade *versions.State `json:"upgrade,omitempty"`
}

func reportStatus(out io.Writer, report statusReport, output string) error {
	write := writeStatus
	if output == "json" {
		write = func(out io.Writer, report statusReport) error { return writeJSON(out, report) }
	}
	if err := write(out, report); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	if !report.Ready {
		return fmt.Errorf("the %s is not ready", report.Role)
	}
	return nil
}

func writeStatus(out io.Writer, report statusReport) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "Role:\t%s\nVersion:\t%s\nKubernetes:\t%s\nProcess:\t%d\nData directory:\t%s\nStarted:\t%s\nReady:\t%t\n",
		report.Role, report.Version, report.Kubernetes, report.PID, report.DataDir, report.Started.Format(time.RFC3339), report.Ready)
	if report.Upgrade != nil {
		writeUpgrade(table, *report.Upgrade)
	}
	if report.Node != nil {
		writeNode(table, *report.Node)
	}
	if waiting := len(report.Pending); waiting > 0 {
		fmt.Fprintf(table, "Devices:\t%d ask to be approved or are refused; 'kedge node list --pending' shows them\n", waiting)
	}
	fmt.Fprintf(table, "\nCOMPONENT\tSTATE\tPROCESS\tSTARTS\tPROBLEM\n")
	for _, part := range report.Components {
		pid, starts, problem := "-", "-", part.Problem
		if part.Process != nil {
			pid, starts = fmt.Sprint(part.Process.PID), fmt.Sprint(part.Process.Starts)
			if part.Process.Problem != "" {
				problem = part.Process.Problem
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", part.Name, part.State, pid, starts, problem)
	}
	return table.Flush()
}

// writeUpgrade tells which version is on trial, and which one did not work.
func writeUpgrade(out io.Writer, known versions.State) {
	if known.Trial != nil {
		fmt.Fprintf(out, "Upgrade:\t%s is tried, started %d times\n", known.Current, known.Trial.Starts)
	}
	if known.Failed != nil {
		fmt.Fprintf(out, "Upgrade:\t%s did not work: %s (%s)\n", known.Failed.Version, known.Failed.Why, known.Failed.When.Format(time.RFC3339))
	}
}

// writeNode tells whether the node is in contact, what it knows, and until when.
func writeNode(out io.Writer, node status.Node) {
	contact := "not known yet"
	switch {
	case node.Direct:
		contact = "the controller is on this machine"
	case node.Contact:
		contact = "the controller answers since " + node.Since.Format(time.RFC3339)
	case !node.Since.IsZero():
		contact = "none since " + node.Since.Format(time.RFC3339) + ": " + node.Problem
	}
	fmt.Fprintf(out, "Contact:\t%s\n", contact)
	if !node.Direct {
		seen := fmt.Sprintf("%d objects of the cluster, for when there is none", node.Seen.Objects)
		if node.Seen.Lost > 0 {
			seen += fmt.Sprintf("; %d were damaged and lost", node.Seen.Lost)
		}
		if node.Seen.Problem != "" {
			seen += "; what is new is not kept: " + node.Seen.Problem
		}
		fmt.Fprintf(out, "Seen:\t%s\n", seen)
	}
	for _, each := range node.Certificates {
		fmt.Fprintf(out, "Certificate %s:\tends %s\n", each.Name, each.Ends.Format(time.RFC3339))
	}
}

// newStop ends a kedge that was started by hand, too. One that a service manager
// started would only be started again.
func newStop() *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the running kedge, or the installed service",
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			report, err := status.Ask(background(cmd), places.StatusSocket())
			if err != nil {
				return err
			}
			if report.Service {
				_, err := install.ThisMachine().Stop(background(cmd), install.Service{Role: report.Role})
				return err
			}
			if err := unix.Kill(report.PID, unix.SIGTERM); err != nil {
				return fmt.Errorf("ask process %d to end: %w", report.PID, err)
			}
			return awaitEnd(report.PID)
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

// awaitEnd waits as long as the process takes; kedge bounds that itself.
func awaitEnd(pid int) error {
	descriptor, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil // it has ended already
	}
	defer unix.Close(descriptor)
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, -1)
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return fmt.Errorf("wait for the end of process %d: %w", pid, err)
		}
	}
}
