package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kedge/internal/fetch"
	"kedge/internal/install"
	"kedge/internal/layout"
	"kedge/internal/signature"
	"kedge/internal/status"
	"kedge/internal/upgrade"
	"kedge/internal/versions"
)

const (
	// upgradeKeys has the public keys that executables may be signed with.
	upgradeKeys = "/etc/kedge/upgrade"
	// readyWithin is ample for the slowest boards, on which a role takes minutes.
	readyWithin = 15 * time.Minute
	outcomePoll = time.Second
)

// upgradeFlags are what `kedge upgrade` takes.
type upgradeFlags struct {
	directories directoryFlags
	keys        string
	within      time.Duration
	unsigned    bool
	older       bool
	unready     bool
}

func newUpgrade(env Env) *cobra.Command {
	var flags upgradeFlags
	cmd := &cobra.Command{
		Use:   "upgrade FILE|URL",
		Short: "Run another version of kedge on this machine, with a way back",
		Long: `kedge upgrade installs an executable of kedge beside the one that runs, and lets the
service run it. Containers go on. A version that ends, hangs or does not become ready
is left again for the one before, and kedge says why. What the machine came with stays
where it is, and runs when nothing else does.

FILE.minisig or URL.minisig has to be a signature by one of the keys in ` + upgradeKeys + `.
A controller's state is saved first.`,
		Example: `  kedge upgrade kedge-armv7
  kedge upgrade https://updates.example.com/kedge-armv7
  kedge upgrade back`,
		GroupID: groupCommands,
		Args:    exactly("FILE or URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(background(cmd), unix.SIGINT, unix.SIGTERM)
			defer stop()
			return flags.run(ctx, env, args[0])
		},
	}
	flags.directories.add(cmd.Flags())
	cmd.Flags().StringVar(&flags.keys, "keys", upgradeKeys, "directory with minisign's public keys, NAME.pub")
	cmd.Flags().DurationVar(&flags.within, "ready-within", readyWithin, "how long the new version may take until it is ready")
	cmd.Flags().BoolVar(&flags.unsigned, "allow-unsigned", false, "take an executable that nobody signed")
	cmd.Flags().BoolVar(&flags.older, "allow-older", false, "take a version before the one that runs")
	cmd.Flags().BoolVar(&flags.unready, "allow-unready", false, "upgrade a kedge that is not ready now")
	cmd.AddCommand(newUpgradeBack(env), newUpgradeGuard(env))
	return cmd
}

func (f *upgradeFlags) run(ctx context.Context, env Env, where string) error {
	places, err := f.directories.layout()
	if err != nil {
		return err
	}
	log, _ := newLog(env, false)
	followVersion(places, log)
	report, err := status.Ask(ctx, places.StatusSocket())
	if err != nil {
		return err
	}
	if !report.Ready && !f.unready {
		return fmt.Errorf("the %s is not ready, so that nobody could tell whether a new version works; --allow-unready upgrades it all the same", report.Role)
	}
	candidate, err := f.install(ctx, env, places, report, where)
	if err != nil {
		return err
	}
	if report.Role != roleWorker {
		saved, err := saveBeforeUpgrade(ctx, env, places)
		if err != nil {
			return fmt.Errorf("save the controller before its upgrade: %w", err)
		}
		fmt.Fprintf(env.Stdout, "The controller is saved in %s.\n", saved)
	}
	store := storeOf(places)
	if err := store.Try(candidate.Version, f.within); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "Version %s is tried.\n", candidate.Version)
	if err := startAnew(ctx, env.Stdout, report); err != nil || !report.Service {
		return err
	}
	return awaitOutcome(ctx, env.Stdout, store, candidate.Version)
}

// install receives the executable and keeps it, when it may run here.
func (f *upgradeFlags) install(ctx context.Context, env Env, places layout.Layout, report status.Report, where string) (upgrade.Candidate, error) {
	keys, err := signers(f.keys, f.unsigned)
	if err != nil {
		return upgrade.Candidate{}, err
	}
	return upgrade.Installation{
		Store: storeOf(places), Source: fetch.Source{Where: where}, Keys: keys, Older: f.older,
		Machine: func(ctx context.Context) upgrade.Machine {
			machine := upgrade.Machine{
				Controls: report.Role != roleWorker, Version: report.Version, Kubernetes: report.Kubernetes, Platform: env.Build.Platform(),
			}
			if !machine.Controls {
				machine.Server = serverVersion(ctx, places)
			}
			return machine
		},
	}.Run(ctx)
}

// signers are whose signatures count, by the keys in a directory; none: anything is
// taken, as the user said.
func signers(directory string, unsigned bool) ([]minisign.PublicKey, error) {
	if unsigned {
		return nil, nil
	}
	keys, err := signature.ReadKeys(directory)
	if err == nil && len(keys) == 0 {
		return nil, &usageError{
			problem: fmt.Sprintf("there is no key in %s to verify a signature with", directory),
			hint:    "Put the public key there as NAME.pub, or name another directory with --keys.",
		}
	}
	return keys, err
}

// startAnew lets the service manager start the version that is in use now.
func startAnew(ctx context.Context, out io.Writer, report status.Report) error {
	if !report.Service {
		_, err := fmt.Fprintf(out, "No service manager started this kedge: end process %d and start it again.\n", report.PID)
		return err
	}
	return install.ThisMachine().Restart(ctx, install.Service{Role: report.Role})
}

// awaitOutcome waits until the version on trial has shown whether it works.
func awaitOutcome(ctx context.Context, out io.Writer, store versions.Store, version string) error {
	for {
		state, err := store.Read()
		switch {
		case err != nil:
			return err
		case state.Failed != nil && state.Failed.Version == version:
			return fmt.Errorf("version %s did not work, and the one before it runs again: %s", version, state.Failed.Why)
		case state.Trial == nil:
			_, err := fmt.Fprintf(out, "Version %s works.\n", version)
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nobody waits for version %s any more; it is being tried all the same, and 'kedge status' tells: %w", version, ctx.Err())
		case <-time.After(outcomePoll):
		}
	}
}

func newUpgradeBack(env Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:   "back",
		Short: "Run the version before this one again",
		Long: `kedge upgrade back puts the version before the one in use into use, or the one that
the machine came with. A controller's version that cannot read what the present one
stored says so when it starts; 'kedge restore' then takes the backup that the upgrade
named.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			version, err := storeOf(places).Back("it was taken back by hand")
			if err != nil {
				return err
			}
			if version == versions.Factory {
				version = "that the machine came with"
			}
			fmt.Fprintf(env.Stdout, "The version %s is in use.\n", version)
			report, err := status.Ask(background(cmd), places.StatusSocket())
			if err != nil {
				return nil // nothing runs that would have to be started anew
			}
			return startAnew(background(cmd), env.Stdout, report)
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

// newUpgradeGuard is what the version before the one on trial runs beside it.
func newUpgradeGuard(env Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use: guardCommand, Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			log, _ := newLog(env, false)
			return versions.GuardTrial(background(cmd), storeOf(places), func() string { return notReady(places) }, log)
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

// notReady is what the running kedge says keeps it from being ready.
func notReady(places layout.Layout) string {
	report, err := status.Ask(context.Background(), places.StatusSocket())
	if err != nil {
		return err.Error()
	}
	text := ""
	for _, each := range report.Components {
		if each.Problem != "" {
			text += fmt.Sprintf("; %s: %s", each.Name, each.Problem)
		}
	}
	if text == "" {
		return ""
	}
	return text[len("; "):]
}

func storeOf(places layout.Layout) versions.Store { return versions.Store{Dir: places.Versions()} }

// executableFile is the file of the executable that runs, wherever links led here.
func executableFile() (string, error) { return os.Readlink("/proc/self/exe") }
