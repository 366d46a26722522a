//go:build !without_controller

package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/controller"
	"kedge/internal/datadir"
	"kedge/internal/install"
	"kedge/internal/role"
	"kedge/internal/status"
)

const roleController = "controller"

func newInstall() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "install",
		Short:   "Make kedge a service that starts with the machine",
		GroupID: groupCommands,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newInstallController())
	return cmd
}

func newInstallController() *cobra.Command {
	var flags controllerFlags
	cmd := &cobra.Command{
		Use:   roleController,
		Short: "Install a controller",
		Long: `kedge install controller makes users for the components and a service of systemd
or OpenRC, which runs "kedge controller" with the same flags.`,
		Example: "  kedge install controller --config /etc/kedge/cluster.yaml\n  kedge start",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			service, err := controllerService(cmd.Flags())
			if err != nil {
				return err
			}
			return install.ThisMachine().Install(background(cmd), service, controller.Users())
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// controllerService starts the executable that runs now, with the flags that were set.
func controllerService(flags *pflag.FlagSet) (install.Service, error) {
	executable, err := os.Executable()
	if err != nil {
		return install.Service{}, fmt.Errorf("find kedge's own file: %w", err)
	}
	args := []string{roleController}
	flags.Visit(func(flag *pflag.Flag) {
		value := flag.Value.String()
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			for _, item := range list.GetSlice() {
				args = append(args, "--"+flag.Name+"="+item)
			}
			return
		}
		args = append(args, "--"+flag.Name+"="+value)
	})
	return install.Service{Role: roleController, Executable: executable, Args: args, StopSeconds: role.StopSeconds}, nil
}

func newStart() *cobra.Command {
	return &cobra.Command{
		Use:     "start",
		Short:   "Start the installed service",
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return install.ThisMachine().Start(background(cmd), install.Service{Role: roleController})
		},
	}
}

func newReset() *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Remove the cluster and the service from this machine",
		Long: `kedge reset removes what kedge made: the cluster's database, its certificates and
keys, the run directory and the service. It refuses while kedge runs. Nothing
else in the data directory is touched.`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, err := directories.layout()
			if err != nil {
				return err
			}
			if report, err := status.Ask(background(cmd), places.StatusSocket()); !errors.Is(err, status.ErrNotRunning) {
				return errors.Join(err, fmt.Errorf("kedge runs as process %d; 'kedge stop' ends it", report.PID))
			}
			if err := datadir.Remove(places.Record(), places.Made()); err != nil {
				return err
			}
			return install.ThisMachine().Uninstall(background(cmd), install.Service{Role: roleController})
		},
	}
	directories.add(cmd.Flags())
	return cmd
}
