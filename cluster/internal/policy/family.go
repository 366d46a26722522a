package policy

import (
	"net/netip"

	"sigs.k8s.io/knftables"
)

// family is an address family. Each has a table of its own: one for both, of
// the family inet, is not there in kernels that were built without IPv6.
type family struct {
	name knftables.Family
	// address is the type of its addresses.
	address string
	has     func(netip.Addr) bool
}

func ipv4() family {
	return family{name: knftables.IPv4Family, address: "ipv4_addr", has: netip.Addr.Is4}
}

func ipv6() family {
	return family{name: knftables.IPv6Family, address: "ipv6_addr", has: func(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }}
}

// field is an address of the packet, "saddr" or "daddr", as rules name it.
func (f family) field(which string) string { return string(f.name) + " " + which }
