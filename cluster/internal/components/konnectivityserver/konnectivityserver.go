//go:build !unpatched

// Package konnectivityserver carries the controller's end of the tunnel.
package konnectivityserver

import (
	"google.golang.org/grpc"
	"sigs.k8s.io/apiserver-network-proxy/cmd/server/app"
	"sigs.k8s.io/apiserver-network-proxy/cmd/server/app/options"

	"kedge/internal/multicall"
	"kedge/internal/upstream/konnectivity"
)

// Program is konnectivity-server.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "konnectivity-server",
		Summary: "Tunnel to the nodes, the controller's end",
		Module:  konnectivity.Module,
		Main: func(argv []string) int {
			o := options.NewProxyRunOptions()
			var nodes refused
			proxy := &app.Proxy{
				AgentServerOptions: []grpc.ServerOption{grpc.ChainStreamInterceptor(nodes.holdToName)},
				Prepare:            keepNodesApart,
			}
			flags := o.Flags()
			nodes.addFlags(flags)
			return konnectivity.Main(argv, app.NewProxyCommand(proxy, o), flags)
		},
	}
}
