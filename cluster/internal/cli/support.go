package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"kedge/internal/layout"
	"kedge/internal/status"
	"kedge/internal/support"
	"kedge/internal/sysinfo"
)

func newSupport(env Env) *cobra.Command {
	var directories directoryFlags
	var config, to string
	cmd := &cobra.Command{
		Use:   "support",
		Short: "Collect what somebody needs who shall help, without secrets",
		Long: `kedge support writes an archive of versions, status, the end of the log, the
configuration, what this machine offers, and the names of kedge's files. It reads
no key and no database, and takes out whatever has the form of a password, token
or key. Look at what is in it before you give it away.`,
		Example: `  kedge support
  kedge support --config /etc/kedge/cluster.yaml --save-path /tmp`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			now := time.Now()
			parts := supportParts(background(cmd), env, places, config)
			if to == standardStream {
				return support.Write(env.Stdout, parts, now)
			}
			path := filepath.Join(to, "kedge_support_"+now.UTC().Format("2006-01-02T15-04-05Z")+".tar.gz")
			if err := writeSupport(path, parts, now); err != nil {
				return err
			}
			_, err = fmt.Fprintln(env.Stdout, path)
			return err
		},
	}
	directories.add(cmd.Flags())
	cmd.Flags().StringVar(&to, "save-path", ".", "directory for the archive, - for standard output")
	cmd.Flags().StringVarP(&config, "config", "c", "", "the controller's file with a ClusterConfig")
	return cmd
}

func writeSupport(path string, parts []support.Part, now time.Time) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make the archive: %w", err)
	}
	return errors.Join(support.Write(file, parts, now), file.Close())
}

func supportParts(ctx context.Context, env Env, places layout.Layout, config string) []support.Part {
	parts := []support.Part{
		{Name: "version.json", Make: func(out io.Writer) error {
			report := newVersionReport(env)
			return errors.Join(report.addAll(env), report.writeJSON(out))
		}},
		{Name: "status.json", Make: func(out io.Writer) error {
			report, err := status.Ask(ctx, places.StatusSocket())
			if err != nil {
				return err
			}
			return writeJSON(out, report)
		}},
		{Name: "log.txt", Make: func(out io.Writer) error {
			log, err := status.Log(ctx, places.StatusSocket())
			if err != nil {
				return fmt.Errorf("%w; the service manager has the log of earlier starts", err)
			}
			_, err = out.Write(log)
			return err
		}},
		{Name: "sysinfo.txt", Make: func(out io.Writer) error {
			host, err := sysinfo.Running(places.DataDir, buildDate(env))
			if err != nil {
				return err
			}
			return writeSysinfo(out, sysinfo.Judge(host, sysinfo.Controller))
		}},
		{Name: "kedge.json", Make: copyFile(places.Record())},
		{Name: "data-dir.txt", Make: support.List(places.DataDir)},
		{Name: "run-dir.txt", Make: support.List(places.RunDir)},
		{Name: "meminfo.txt", Make: copyFile("/proc/meminfo")},
	}
	if config != "" {
		parts = append(parts, support.Part{Name: "cluster.yaml", Make: copyFile(config)})
	}
	return parts
}

func copyFile(path string) func(io.Writer) error {
	return func(out io.Writer) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	}
}
