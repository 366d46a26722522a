package cli

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kedge/internal/fetch"
	"kedge/internal/osupdate"
	"kedge/internal/slots"
)

// mostGoodWithin is below what the system manager gives a start of the machine.
const mostGoodWithin = 30 * time.Minute

func newOS(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "os",
		Short: "Update the operating system of a device, with a way back",
		Long: `kedge os is for devices with two slots for their system: the one that runs, and one
for the next version.`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOSInstall(env), newOSStatus(env), newOSRollback(env), newOSGate(env))
	return cmd
}

// thisDevice is how commands find the device that they run on.
func thisDevice(directories directoryFlags) (osupdate.Device, error) {
	places, err := directories.layout()
	if err != nil {
		return osupdate.Device{}, err
	}
	return osupdate.New(places.StatusSocket())
}

// osInstallFlags are what `kedge os install` takes.
type osInstallFlags struct {
	directories directoryFlags
	keys        string
	within      time.Duration
	unsigned    bool
	older       bool
	restart     bool
}

func newOSInstall(env Env) *cobra.Command {
	var flags osInstallFlags
	cmd := &cobra.Command{
		Use:   "install FILE|URL",
		Short: "Write another version of the operating system to the slot that is not in use",
		Long: `kedge os install writes an update to the slot that is not in use. The next start tries
it, once: when kedge is ready, no unit fails that did not before, and the network is as it
was, the new system stays. Otherwise the device restarts into the present one, and
'kedge os status' says why.

FILE is NAME.update, with the file that it names beside it; FILE.minisig or URL.minisig has
to be a signature by one of the keys in ` + upgradeKeys + `. Only what neither slot has is fetched.`,
		Example: `  kedge os install edge-generic-amd64.update --restart
  kedge os install https://updates.example.com/edge-generic-amd64.update`,
		Args: exactly("FILE or URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(background(cmd), unix.SIGINT, unix.SIGTERM)
			defer stop()
			return flags.run(ctx, env, args[0])
		},
	}
	flags.directories.add(cmd.Flags())
	cmd.Flags().StringVar(&flags.keys, "keys", upgradeKeys, "directory with minisign's public keys, NAME.pub")
	cmd.Flags().DurationVar(&flags.within, "good-within", readyWithin, "how long the new system may take until everything is as before; at most "+mostGoodWithin.String())
	cmd.Flags().BoolVar(&flags.unsigned, "allow-unsigned", false, "take an update that nobody signed")
	cmd.Flags().BoolVar(&flags.older, "allow-older", false, "take a version before the one that runs")
	cmd.Flags().BoolVar(&flags.restart, "restart", false, "restart the device when the update is installed")
	return cmd
}

func (f *osInstallFlags) run(ctx context.Context, env Env, where string) error {
	if f.within <= 0 || f.within > mostGoodWithin {
		return &usageError{problem: fmt.Sprintf("--good-within %s is not possible", f.within), hint: "It is more than nothing, and at most " + mostGoodWithin.String() + "."}
	}
	device, err := thisDevice(f.directories)
	if err != nil {
		return err
	}
	keys, err := signers(f.keys, f.unsigned)
	if err != nil {
		return err
	}
	manifest, figures, err := device.Install(ctx, osupdate.Request{Source: fetch.Source{Where: where}, Keys: keys, Older: f.older, Within: f.within})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "Version %s is in slot %s: of %d bytes, %d were there, %d were copied from slot %s, %d fetched.\n",
		manifest.Version, slots.Other(device.Running), figures.Size, figures.Kept, figures.Copied, device.Running, figures.Fetched)
	return restartOrSay(ctx, env.Stdout, f.restart, "The next start tries it.")
}

func restartOrSay(ctx context.Context, out io.Writer, restart bool, otherwise string) error {
	if !restart {
		_, err := fmt.Fprintln(out, otherwise)
		return err
	}
	if output, err := exec.CommandContext(ctx, "systemctl", "reboot").CombinedOutput(); err != nil {
		return fmt.Errorf("restart the device: %w: %s", err, output)
	}
	return nil
}

func newOSRollback(env Env) *cobra.Command {
	var directories directoryFlags
	var restart bool
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Have the system in the other slot started again",
		Long: `kedge os rollback has the next start take the other slot, with what was in /etc there. An
update that is installed and was not started yet is forgotten.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			device, err := thisDevice(directories)
			if err != nil {
				return err
			}
			next, err := device.Rollback()
			if err != nil {
				return err
			}
			return restartOrSay(background(cmd), env.Stdout, restart && next != device.Running, "The next start takes slot "+next+".")
		},
	}
	directories.add(cmd.Flags())
	cmd.Flags().BoolVar(&restart, "restart", false, "restart the device at once")
	return cmd
}

// newOSGate is what the system manager asks at each start before a slot counts as good.
func newOSGate(env Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use: "gate", Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			device, err := thisDevice(directories)
			if err != nil {
				return err
			}
			log, _ := newLog(env, false)
			return device.Gate(background(cmd), log)
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

func newOSStatus(env Env) *cobra.Command {
	var directories directoryFlags
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell which system runs, what the other slot holds, and what became of an update",
		Example: `  kedge os status
  kedge os status -o json`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			device, err := thisDevice(directories)
			if err != nil {
				return err
			}
			report, err := device.Report()
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(env.Stdout, report)
			}
			return writeOSStatus(env.Stdout, report)
		},
	}
	directories.add(cmd.Flags())
	addOutputFlag(cmd.Flags(), &output)
	return cmd
}

func writeOSStatus(out io.Writer, report osupdate.Report) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "System:\t%s %s\nBoard:\t%s (%s)\n", report.Name, report.Version, report.Board, report.Architecture)
	fmt.Fprintf(table, "Running:\tslot %s\nNext start:\tslot %s\n", report.Running, report.Next)
	switch {
	case report.Trial != nil && report.Trial.Slot == report.Running:
		fmt.Fprintf(table, "Update:\tversion %s is tried\n", report.Trial.Version)
	case report.Trial != nil:
		fmt.Fprintf(table, "Update:\tversion %s waits in slot %s for the next start\n", report.Trial.Version, report.Trial.Slot)
	}
	if report.Failed != nil {
		fmt.Fprintf(table, "Update:\tback on slot %s because version %s in slot %s did not work: %s (%s)\n",
			slots.Other(report.Failed.Slot), report.Failed.Version, report.Failed.Slot, report.Failed.Why, report.Failed.When.Format(time.RFC3339))
	}
	fmt.Fprintf(table, "\nSLOT\tVERSION\tMAY BE STARTED\n")
	for _, slot := range report.Slots {
		version := slot.Version
		if version == "" {
			version = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%t\n", slot.Name, version, slot.OK)
	}
	return table.Flush()
}
