//go:build !without_controller

package cli

import (
	"github.com/spf13/cobra"

	"kedge/internal/controller"
	"kedge/internal/install"
)

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
			service, err := serviceOf(roleController, cmd.Flags())
			if err != nil {
				return err
			}
			return install.ThisMachine().Install(background(cmd), service, controller.Users())
		},
	}
	flags.add(cmd.Flags())
	return cmd
}
