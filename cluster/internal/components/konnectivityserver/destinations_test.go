//go:build !unpatched

package konnectivityserver

import (
	"testing"

	"sigs.k8s.io/apiserver-network-proxy/pkg/server"
	"sigs.k8s.io/apiserver-network-proxy/pkg/server/proxystrategies"
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
