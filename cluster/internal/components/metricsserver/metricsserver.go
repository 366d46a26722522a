//go:build !unpatched

// Package metricsserver carries metrics-server, which reaches kubelets and is
// reached through the tunnel.
package metricsserver

import (
	"flag"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/logs"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app/options"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const module = "sigs.k8s.io/metrics-server"

// Program is metrics-server.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "metrics-server",
		Summary: "CPU and memory of nodes and pods, for kubectl top and autoscaling",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	logs.InitLogs()
	defer logs.FlushLogs()
	command := newCommand(genericapiserver.SetupSignalHandler())
	command.Use = argv[0]
	command.SetArgs(argv[1:])
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "metrics-server:", err)
		return 1
	}
	return 0
}

// newCommand is upstream's command with flags for the tunnel besides: upstream
// has no way to change what its own makes of its options.
func newCommand(stop <-chan struct{}) *cobra.Command {
	o, t := options.NewOptions(), &tunnel{}
	command := &cobra.Command{
		Short: "Launch metrics-server", SilenceUsage: true, SilenceErrors: true, Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if o.ShowVersion {
				_, err := fmt.Fprintln(command.OutOrStdout(), version.Current().Module(module).Version)
				return err
			}
			return serve(o, t, stop)
		},
	}
	flags := command.Flags()
	for _, set := range o.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	local := flag.NewFlagSet(command.Use, flag.ContinueOnError)
	logs.AddGoFlags(local)
	flags.AddGoFlagSet(local)
	t.addFlags(flags)
	return command
}

func serve(o *options.Options, t *tunnel, stop <-chan struct{}) error {
	if problems := o.Validate(); len(problems) > 0 {
		return problems[0]
	}
	config, err := o.ServerConfig()
	if err != nil {
		return err
	}
	if t.socket != "" {
		config.Kubelet.Client.Dial = t.dial
	}
	server, err := config.Complete()
	if err != nil {
		return err
	}
	if t.server != "" {
		if err := t.serve(o.SecureServing.Listener.Addr().String(), stop); err != nil {
			return err
		}
	}
	return server.RunUntil(stop)
}
