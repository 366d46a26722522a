//go:build !without_worker

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"kedge/internal/images"
	"kedge/internal/install"
	"kedge/internal/layout"
	"kedge/internal/nodereset"
	"kedge/internal/payload"
	"kedge/internal/worker"
	"kedge/internal/workerconfig"
)

// workerFlags are what `kedge worker` and `kedge install worker` take.
type workerFlags struct {
	directories directoryFlags
	node        nodeFlags
	join        joinFlags
	upgradeKeys string
	debug       bool
}

// nodeFlags are of every role that has a node.
type nodeFlags struct {
	name      string
	profile   string
	labels    map[string]string
	taints    []string
	criSocket string
}

func (f *nodeFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "node-name", "", "the node's name (default: this machine's)")
	flags.StringVar(&f.profile, "profile", workerconfig.DefaultProfile, "the worker profile: default, small for about 1 GB of memory, tiny for 512 MB and less, or one of the cluster's")
	flags.StringToStringVar(&f.labels, "labels", nil, "labels of the node, when it registers")
	flags.StringSliceVar(&f.taints, "taints", nil, "taints of the node, when it registers: KEY=VALUE:EFFECT")
	flags.StringVar(&f.criSocket, "cri-socket", "", "socket of another container runtime, unix:///PATH; containerd then does not run")
}

func (f *nodeFlags) check() error {
	for _, taint := range f.taints {
		if what, effect, found := strings.Cut(taint, ":"); !found || what == "" || effect == "" {
			return &usageError{problem: fmt.Sprintf("--taints: %q is no taint", taint), hint: "It takes KEY=VALUE:EFFECT, such as site=plant-7:NoSchedule."}
		}
	}
	if f.criSocket != "" && !strings.HasPrefix(f.criSocket, "unix:///") {
		return &usageError{problem: fmt.Sprintf("--cri-socket: %q is no socket", f.criSocket), hint: "It takes unix:///PATH."}
	}
	return nil
}

func (f *workerFlags) add(flags *pflag.FlagSet) {
	f.directories.add(flags)
	f.node.add(flags)
	f.join.add(flags)
	flags.StringVar(&f.upgradeKeys, "upgrade-keys", upgradeKeys, "directory with minisign's public keys, NAME.pub, for versions of kedge that a plan brings")
	flags.BoolVar(&f.debug, "debug", false, "log more")
}

func (f *workerFlags) check() error {
	if f.join.isOfFleet() && f.node.name != "" {
		return &usageError{problem: "a device that asks to be approved is named by the controller, not by --node-name", hint: "'kedge node approve FINGERPRINT NAME' names it; with --credential-file it has its name from the start."}
	}
	return f.node.check()
}

func newWorker(env Env) *cobra.Command {
	var flags workerFlags
	cmd := &cobra.Command{
		Use:   "worker [JOIN-TOKEN]",
		Short: "Run a node: containers, their network, their names",
		Long: `kedge worker makes this machine a node of a cluster: containerd, the kubelet,
kube-proxy, flannel, a DNS server, and the tunnel's end. It only dials out: the
API server, and the tunnel that the API server's questions come back through.
A token or a credential is needed once; a machine that has neither, but whom to
trust and where to ask, waits until somebody approves it on the controller. Pods
go on while kedge is stopped.`,
		Example: `  kedge worker --token-file /etc/kedge/token
  kedge worker --token-file token --profile tiny --labels topology.kubernetes.io/zone=plant-7
  kedge worker --node-name field-1 --credential-file credential.pem --authority-file ca.crt --server mill.example.com
  kedge worker --authority-file ca.crt --server mill.example.com`,
		GroupID: groupCommands,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			options, err := workerOptions(env, flags, args)
			if err != nil {
				return err
			}
			enterVersion(options.Layout, options.Log)
			ctx, stop := signal.NotifyContext(cmd.Context(), unix.SIGTERM, unix.SIGINT)
			defer stop()
			return worker.Run(ctx, options)
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

func workerOptions(env Env, flags workerFlags, args []string) (worker.Options, error) {
	places, err := flags.directories.layout()
	if err != nil {
		return worker.Options{}, err
	}
	log, recent := newLog(env, flags.debug)
	options := flags.node.options(env)
	options.Layout, options.Log, options.RecentLog, options.Kubeconfig = places, log, recent, flags.join.kubeconfig
	options.UpgradeKeys, options.Platform = flags.upgradeKeys, env.Build.Platform()
	options.Works = confirmVersion(env, places, log)
	options.Join, err = flags.join.right(args)
	options.IsOfFleet = flags.join.isOfFleet()
	return options, err
}

// options are those of every role that has a node.
func (f *nodeFlags) options(env Env) worker.Options {
	return worker.Options{
		NodeName: f.name, Profile: f.profile, Labels: f.labels, Taints: f.taints, CRISocket: f.criSocket,
		Version: env.Build.Version, Kubernetes: env.Build.Module("k8s.io/kubernetes").Version,
		Release: func(context.Context) (images.Release, error) {
			release, err := released(env, &payloadOptions{})
			if errors.Is(err, payload.Absent) {
				return release, fs.ErrNotExist
			}
			return release, err
		},
	}
}

func newInstallWorker() *cobra.Command {
	var flags workerFlags
	cmd := &cobra.Command{
		Use:   roleWorker,
		Short: "Install a worker",
		Long: `kedge install worker makes a service of systemd or OpenRC, which runs
"kedge worker" with the same flags.`,
		Example: "  kedge install worker --token-file /etc/kedge/token\n  kedge start",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(flags.check(), flags.join.check(nil)); err != nil {
				return err
			}
			service, err := serviceOf(roleWorker, cmd.Flags())
			if err != nil {
				return err
			}
			return install.ThisMachine().Install(background(cmd), service, nil)
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// workerCommands are the commands that only a build with a worker has.
func workerCommands(env Env) []*cobra.Command { return []*cobra.Command{newWorker(env)} }

// serverVersion is that of the API server; empty: it does not answer.
func serverVersion(ctx context.Context, places layout.Layout) string {
	version, err := worker.ServerVersion(ctx, places)
	if err != nil {
		return ""
	}
	return version
}

func installWorker() []*cobra.Command { return []*cobra.Command{newInstallWorker()} }

// madeByNode and undoNode are what reset does to a machine that was a node.
func madeByNode(places layout.Layout) []string { return places.MadeByWorker() }

func undoNode(ctx context.Context, places layout.Layout) error { return nodereset.Undo(ctx, places) }
