package role

import (
	"net"
	"net/netip"
	"testing"
)

// TestClustersOwnAddressesDoNotCount has the addresses of flannel's interface and
// of the bridge of pods: without a network they are all that a node has.
func TestClustersOwnAddressesDoNotCount(t *testing.T) {
	cluster := []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.96.0.0/12")}
	for name, test := range map[string]struct{ address, want string }{
		"flannel's":  {"10.244.0.0/32", ""},
		"services'":  {"10.96.0.1/32", ""},
		"link-local": {"fe80::1/64", ""},
		"wired":      {"192.0.2.7/24", "192.0.2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			ip, network, err := net.ParseCIDR(test.address)
			if err != nil {
				t.Fatal(err)
			}
			found, ok := reachable([]net.Addr{&net.IPNet{IP: ip, Mask: network.Mask}}, cluster)
			if got := found.String(); ok != (test.want != "") || ok && got != test.want {
				t.Errorf("reachable = %s, %v; want %q", got, ok, test.want)
			}
		})
	}
}
