//go:build !without_controller

package cli

import (
	"fmt"
	"os/signal"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"kedge/internal/controller"
)

// controllerFlags are what `kedge controller` and `kedge install controller` take.
type controllerFlags struct {
	directories directoryFlags
	config      string
	disabled    []string
	newCluster  bool
	debug       bool
	worker      withWorker
}

func (f *controllerFlags) add(flags *pflag.FlagSet) {
	f.directories.add(flags)
	addConfig(flags, &f.config)
	flags.StringSliceVar(&f.disabled, "disable-components", nil, "components that shall not run: "+strings.Join(controller.Optional(), ", "))
	flags.BoolVar(&f.newCluster, "new-cluster", false, "begin a new cluster although the database of the old one is empty")
	flags.BoolVar(&f.debug, "debug", false, "log more")
	f.worker.add(flags)
}

func (f *controllerFlags) check() error {
	for _, name := range f.disabled {
		if !slices.Contains(controller.Optional(), name) {
			return &usageError{
				problem: fmt.Sprintf("--disable-components: a controller cannot do without %q, or does not have it", name),
				hint:    "It takes " + strings.Join(controller.Optional(), ", ") + ".",
			}
		}
	}
	return f.worker.check()
}

func newController(env Env) *cobra.Command {
	var flags controllerFlags
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Run a control plane",
		Long: `kedge controller runs a Kubernetes control plane: a store, the API server, the
controller manager, the scheduler, and the tunnel's end to the nodes. It runs no
workload. As root every component has a user of its own; as an ordinary user all
run as that user.`,
		Example: `  kedge controller
  kedge controller --config cluster.yaml --data-dir /mnt/data/kedge`,
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			options, err := controllerOptions(env, flags)
			if err != nil {
				return err
			}
			enterVersion(options.Layout, options.Log)
			options.Role = roleController
			flags.worker.apply(env, &options)
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGTERM, unix.SIGINT)
			defer stop()
			return controller.Run(ctx, options)
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

func controllerOptions(env Env, flags controllerFlags) (controller.Options, error) {
	places, err := flags.directories.layout()
	if err != nil {
		return controller.Options{}, err
	}
	cluster, err := loadConfig(flags.config)
	if err != nil {
		return controller.Options{}, err
	}
	log, recent := newLog(env, flags.debug)
	return controller.Options{
		Layout: places, Config: cluster, Disabled: flags.disabled, NewCluster: flags.newCluster,
		Version: env.Build.Version, Kubernetes: env.Build.Module("k8s.io/kubernetes").Version,
		Log: log, RecentLog: recent, Works: confirmVersion(env, places, log),
	}, nil
}

// controllerCommands are the commands that only a build with a controller has.
func controllerCommands(env Env) []*cobra.Command {
	return append([]*cobra.Command{newController(env), newBackup(env), newRestore(env)}, singleCommands(env)...)
}

func installController() []*cobra.Command {
	return append([]*cobra.Command{newInstallController()}, installSingle()...)
}
