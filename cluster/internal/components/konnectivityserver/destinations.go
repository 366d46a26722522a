//go:build !unpatched

package konnectivityserver

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"sigs.k8s.io/apiserver-network-proxy/pkg/server"

	"kedge/internal/tunnel"
)

// addressesOnly is a choice of agents that is asked for addresses alone. Services
// and webhooks are addresses, which one agent reaches as well as another. A name
// is a node's, which only its own agent may answer for: any other would look the
// name up in its own network. What runs on a controller and is reached by the
// tunnel has its own name, too, and is no way to any address.
type addressesOnly struct{ server.BackendManager }

func (a addressesOnly) Backend(ctx context.Context) (*server.Backend, error) {
	host := server.DestHost(ctx)
	if _, err := netip.ParseAddr(host); err != nil {
		return nil, fmt.Errorf("node %q is not connected: no agent in the tunnel has its name", host)
	}
	return a.BackendManager.Backend(ctx)
}

func (a addressesOnly) AddBackend(backend *server.Backend) {
	if !slices.ContainsFunc(backend.GetAgentIdentifiers().Host, tunnel.IsControllers) {
		a.BackendManager.AddBackend(backend)
	}
}

// keepNodesApart restricts every choice that is asked after the one by name.
func keepNodesApart(proxy *server.ProxyServer) {
	byName := false
	for i, manager := range proxy.BackendManagers {
		if byName {
			proxy.BackendManagers[i] = addressesOnly{manager}
		}
		if _, is := manager.(*server.DestHostBackendManager); is {
			byName = true
		}
	}
}
