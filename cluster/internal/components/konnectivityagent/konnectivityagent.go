// Package konnectivityagent carries the node's end of the tunnel.
package konnectivityagent

import (
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
	}
}
