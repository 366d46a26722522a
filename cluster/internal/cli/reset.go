package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"kedge/internal/datadir"
	"kedge/internal/install"
	"kedge/internal/layout"
	"kedge/internal/status"
)

func newReset(env Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Remove the cluster and the service from this machine",
		Long: `kedge reset removes what kedge made: the cluster's database, certificates and
keys; of a node, its pods with their volumes' mounts, networks, control groups
and logs, images, and the rules, addresses and interfaces that connected it; the
run directory and the service. It refuses while kedge runs, and can be repeated.
Bundles of images, manifests and whatever else lies in the data directory stay,
and so do kernel parameters, until the machine starts anew. The Node object is
the cluster's: 'kubectl delete node' removes it.`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			return reset(background(cmd), env.Stdout, places)
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

func reset(ctx context.Context, out io.Writer, places layout.Layout) error {
	if report, err := status.Ask(ctx, places.StatusSocket()); !errors.Is(err, status.ErrNotRunning) {
		return errors.Join(err, fmt.Errorf("kedge runs as process %d; 'kedge stop' ends it", report.PID))
	}
	made := slices.Concat(places.Made(), madeByNode(places))
	if isClean(places, made) {
		fmt.Fprintf(out, "There is nothing of kedge in %s.\n", places.DataDir)
		return uninstall(ctx)
	}
	undo := func() error {
		// A service between two attempts would start kedge meanwhile.
		return errors.Join(uninstall(ctx), undoNode(ctx, places))
	}
	if err := datadir.Remove(places.Record(), append(made, datadir.LockFile(places.RunDir)), undo); err != nil {
		return err
	}
	return tellKept(out, places)
}

// isClean says that kedge has been here and is gone, or never was here.
func isClean(places layout.Layout, made []string) bool {
	return !slices.ContainsFunc(slices.Concat(made, []string{places.Record()}), func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	})
}

func uninstall(ctx context.Context) error {
	machine := install.ThisMachine()
	var problems []error
	for _, role := range roles() {
		problems = append(problems, machine.Uninstall(ctx, install.Service{Role: role}))
	}
	return errors.Join(problems...)
}

// tellKept removes the directories when they are empty, and tells what stays in them.
func tellKept(out io.Writer, places layout.Layout) error {
	for _, dir := range []string{places.Images(), places.Manifests(), places.DataDir, places.RunDir} {
		_ = os.Remove(dir) // which fails where something is in it
	}
	for _, kept := range []struct{ dir, what string }{{places.Images(), "bundles of images"}, {places.Manifests(), "manifests"}} {
		if _, err := os.Stat(kept.dir); err == nil {
			fmt.Fprintf(out, "Kept: %s, with %s that are yours.\n", kept.dir, kept.what)
		}
	}
	return nil
}
