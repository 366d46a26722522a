// Package konnectivityagent carries the node's end of the tunnel.
package konnectivityagent

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	"sigs.k8s.io/apiserver-network-proxy/cmd/agent/app"
	"sigs.k8s.io/apiserver-network-proxy/cmd/agent/app/options"

	"kedge/internal/multicall"
	"kedge/internal/upstream/konnectivity"
)

// Program is konnectivity-agent.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "konnectivity-agent",
		Summary: "Tunnel to the nodes, a node's end: dials out to the controller",
		Module:  konnectivity.Module,
		Main: func(argv []string) int {
			o := options.NewGrpcProxyAgentOptions()
			return konnectivity.Main(argv, app.NewAgentCommand(&app.Agent{}, o), o.Flags())
		},
		Serve: serve,
	}
}

// serve runs an agent. Servers are told that it goes away, so that they choose
// another one for what begins then.
func serve(ctx context.Context, argv []string) error {
	o := options.NewGrpcProxyAgentOptions()
	flags := pflag.NewFlagSet(argv[0], pflag.ContinueOnError)
	flags.AddFlagSet(o.Flags())
	// How much is logged is the whole process's.
	flags.String("v", "", "")
	if err := flags.Parse(argv[1:]); err != nil {
		return fmt.Errorf("read the arguments: %w", err)
	}
	konnectivity.Quiet()
	drain, stop := make(chan struct{}), make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		close(drain)
		close(stop)
	})()
	return (&app.Agent{}).Run(o, drain, stop)
}
