//go:build !without_controller

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"kedge/internal/argv"
	"kedge/internal/backup"
	"kedge/internal/datadir"
	"kedge/internal/layout"
	"kedge/internal/wholefile"
)

func newBackup(env Env) *cobra.Command {
	var directories directoryFlags
	var to string
	source := backup.Source{Version: env.Build.Version}
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Save a controller's state into one archive",
		Long: `kedge backup writes the database, the certificates and keys, the manifests and
the configuration of a controller into one archive. The controller may run
meanwhile. The archive holds the cluster's keys: keep it as you keep those.`,
		Example: `  kedge backup --save-path /mnt/backups
  kedge backup --save-path - | ssh safe 'cat > kedge.tar.gz'`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			log, _ := newLog(env, false)
			followVersion(places, log)
			source.Layout, source.Now = places, time.Now()
			source.EtcdEndpoint = "https://" + argv.Cluster{Ports: argv.DefaultPorts()}.EtcdEndpoint()
			if to == standardStream {
				_, err := backup.Save(background(cmd), source, env.Stdout)
				return err
			}
			path, err := saveInto(background(cmd), source, to)
			if err == nil {
				_, err = fmt.Fprintln(env.Stdout, path)
			}
			return err
		},
	}
	directories.add(cmd.Flags())
	cmd.Flags().StringVar(&to, "save-path", ".", "directory for the archive, - for standard output")
	cmd.Flags().StringVarP(&source.Config, "config", "c", "", "the controller's file with a ClusterConfig, to be saved too")
	cmd.Flags().BoolVar(&source.WithoutDatabase, "without-database", false, "save all but the database, which is saved with tools of its own")
	return cmd
}

// saveInto writes an archive that is there as a whole or not at all.
func saveInto(ctx context.Context, source backup.Source, dir string) (path string, err error) {
	source.Temporary = dir
	path = filepath.Join(dir, "kedge_backup_"+source.Now.UTC().Format("2006-01-02T15-04-05Z")+".tar.gz")
	return path, wholefile.Fill(path, 0o600, func(file io.Writer) error { // nobody else may read it
		_, err := backup.Save(ctx, source, file)
		return err
	})
}

// saveBeforeUpgrade saves a controller, and keeps what the last upgrade saved. A
// database of others is theirs to save.
func saveBeforeUpgrade(ctx context.Context, env Env, places layout.Layout) (string, error) {
	const kept = 2
	if err := os.MkdirAll(places.Backups(), 0o700); err != nil {
		return "", err
	}
	source := backup.Source{
		Layout: places, Version: env.Build.Version, Now: time.Now(), WithoutDatabase: !isAnyThere(places.DatabaseFile(), places.Etcd()),
		EtcdEndpoint: "https://" + argv.Cluster{Ports: argv.DefaultPorts()}.EtcdEndpoint(),
	}
	path, err := saveInto(ctx, source, places.Backups())
	if err != nil {
		return "", err
	}
	saved, err := filepath.Glob(filepath.Join(places.Backups(), "kedge_backup_*.tar.gz")) // in the order of their times
	for _, old := range saved[:max(0, len(saved)-kept)] {
		err = errors.Join(err, os.Remove(old))
	}
	return path, err
}

func isAnyThere(paths ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

func newRestore(env Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:   "restore ARCHIVE",
		Short: "Make an empty data directory that of a backup",
		Long: `kedge restore unpacks an archive of "kedge backup" into an empty data directory,
also on another machine. ARCHIVE is a file, or - for standard input.`,
		Example: `  kedge restore kedge_backup_2026-01-31T12-00-00Z.tar.gz
  kedge restore --data-dir /mnt/data/kedge - < kedge.tar.gz`,
		GroupID: groupCommands,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			var archive io.Reader = os.Stdin
			if args[0] != standardStream {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				archive = file
			}
			m, err := backup.Restore(archive, places.DataDir, datadir.Record{
				Kubernetes: env.Build.Module("k8s.io/kubernetes").Version, UID: os.Geteuid(),
			}, etcdutl(background(cmd)))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "%s holds the cluster of %s again (%d files).\n", places.DataDir, m.Created.Format(time.RFC3339), len(m.Files))
			return err
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

// etcdutl is the component, in a process of its own.
func etcdutl(ctx context.Context) backup.RunEtcdutl {
	return func(args []string) error {
		const ownExecutable = "/proc/self/exe"
		command := exec.CommandContext(ctx, ownExecutable)
		command.Args = append([]string{"etcdutl"}, args...)
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("etcdutl: %w: %s", err, output)
		}
		return nil
	}
}
