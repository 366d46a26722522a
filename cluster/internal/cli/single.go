//go:build !without_controller && !without_worker

package cli

import (
	"context"
	"io/fs"
	"os/signal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"kedge/internal/controller"
	"kedge/internal/install"
	"kedge/internal/role"
	"kedge/internal/token"
	"kedge/internal/worker"
)

// controlPlaneTaint keeps workloads away from a controller that is a node, too.
const controlPlaneTaint = "node-role.kubernetes.io/control-plane:NoSchedule"

// withWorker is how a controller becomes a worker, too.
type withWorker struct {
	enabled  bool
	noTaints bool
	node     nodeFlags
}

func (w *withWorker) add(flags *pflag.FlagSet) {
	flags.BoolVar(&w.enabled, "enable-worker", false, "run a worker on this machine, too, tainted "+controlPlaneTaint)
	flags.BoolVar(&w.noTaints, "no-taints", false, "with --enable-worker: let every pod run here")
	w.node.add(flags)
}

func (w *withWorker) check() error { return w.node.check() }

// apply adds the worker.
func (w *withWorker) apply(env Env, options *controller.Options) {
	if !w.enabled {
		return
	}
	places, log := options.Layout, options.Log
	options.Node = func(plane *role.Plane, join func(context.Context) (token.Join, error), needs ...string) error {
		node := w.node.options(env)
		node.Layout, node.Log = places, log
		if !w.noTaints {
			node.Taints = append(node.Taints, controlPlaneTaint)
		}
		node.Join = func(ctx context.Context, isNode bool) (worker.Right, error) {
			if isNode {
				return worker.Right{}, fs.ErrNotExist
			}
			right, err := join(ctx)
			return worker.ByToken(right), err
		}
		_, err := worker.Add(plane, node, needs...)
		return err
	}
}

// singleFlags are what `kedge single` and `kedge install single` take.
type singleFlags struct{ controllerFlags }

func (f *singleFlags) add(flags *pflag.FlagSet) {
	f.controllerFlags.add(flags)
	f.worker.enabled, f.worker.noTaints = true, true
	for _, name := range []string{"enable-worker", "no-taints"} {
		flags.Lookup(name).Hidden = true // it is what single means
	}
}

func newSingle(env Env) *cobra.Command {
	var flags singleFlags
	cmd := &cobra.Command{
		Use:   roleSingle,
		Short: "Run a cluster of this machine alone",
		Long: `kedge single runs a control plane and a worker on this machine, on which every
pod may run. Other workers may join it.`,
		Example: "  kedge single\n  kedge single --profile small",
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			options, err := controllerOptions(env, flags.controllerFlags)
			if err != nil {
				return err
			}
			enterVersion(options.Layout, options.Log)
			options.Role = roleSingle
			flags.worker.apply(env, &options)
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGTERM, unix.SIGINT)
			defer stop()
			return controller.Run(ctx, options)
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

func newInstallSingle() *cobra.Command {
	var flags singleFlags
	cmd := &cobra.Command{
		Use:     roleSingle,
		Short:   "Install a cluster of this machine alone",
		Long:    "kedge install single makes a service of systemd or OpenRC, which runs\n\"kedge single\" with the same flags, and users for the control plane's components.",
		Example: "  kedge install single\n  kedge start",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			service, err := serviceOf(roleSingle, cmd.Flags())
			if err != nil {
				return err
			}
			return install.ThisMachine().Install(background(cmd), service, controller.Users())
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

func singleCommands(env Env) []*cobra.Command { return []*cobra.Command{newSingle(env)} }

func installSingle() []*cobra.Command { return []*cobra.Command{newInstallSingle()} }
