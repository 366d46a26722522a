//go:build !unpatched

package konnectivityserver

import (
	"context"
	"testing"

	"google.golang.org/grpc/metadata"
	"sigs.k8s.io/apiserver-network-proxy/pkg/server"
	"sigs.k8s.io/apiserver-network-proxy/pkg/server/proxystrategies"
	"sigs.k8s.io/apiserver-network-proxy/proto/agent"
	"sigs.k8s.io/apiserver-network-proxy/proto/header"

	"kedge/internal/tunnel"
)

func TestOnlyWhatIsAskedAfterNamesIsRestricted(t *testing.T) {
	names, any := proxystrategies.ProxyStrategyDestHost, proxystrategies.ProxyStrategyDefault
	for _, test := range []struct {
		strategies []proxystrategies.ProxyStrategy
		want       []bool // restricted
	}{
		{[]proxystrategies.ProxyStrategy{names, any}, []bool{false, true}},
		{[]proxystrategies.ProxyStrategy{any}, []bool{false}},
		{[]proxystrategies.ProxyStrategy{any, names}, []bool{false, false}},
		{[]proxystrategies.ProxyStrategy{names, proxystrategies.ProxyStrategyDefaultRoute, any}, []bool{false, true, true}},
	} {
		proxy := server.NewProxyServer("s", test.strategies, 1, &server.AgentTokenAuthenticationOptions{}, 1)
		keepNodesApart(proxy)
		for i, manager := range proxy.BackendManagers {
			if _, is := manager.(addressesOnly); is != test.want[i] {
				t.Errorf("%v: choice %d is restricted: %v", test.strategies, i, is)
			}
		}
	}
}

// saying is a stream of an agent that says this of itself.
type saying struct {
	agent.AgentService_ConnectServer
	said metadata.MD
}

func (s saying) Context() context.Context {
	return metadata.NewIncomingContext(context.Background(), s.said)
}

// An address is for the agents of nodes: what runs on a controller is no way to it.
func TestControllersAgentsServeNoAddresses(t *testing.T) {
	proxy := server.NewProxyServer("s", []proxystrategies.ProxyStrategy{proxystrategies.ProxyStrategyDestHost, proxystrategies.ProxyStrategyDefault}, 1,
		&server.AgentTokenAuthenticationOptions{}, 1)
	keepNodesApart(proxy)
	byName, any := proxy.BackendManagers[0], proxy.BackendManagers[1]
	for i, name := range []string{tunnel.Metrics, "edge-1"} {
		backend, err := server.NewBackend(saying{said: metadata.Pairs(header.AgentID, name, header.AgentIdentifiers, "host="+name)})
		if err != nil {
			t.Fatal(err)
		}
		byName.AddBackend(backend)
		any.AddBackend(backend)
		if byName.NumBackends() != i+1 || any.NumBackends() != i {
			t.Errorf("with %s there are %d agents by name and %d for addresses", name, byName.NumBackends(), any.NumBackends())
		}
	}
}
