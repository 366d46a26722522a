package role

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// OwnAddress is the address from which this machine would reach others, or else
// any that others could reach it at. Nothing is sent to find out. Addresses in
// the cluster's own networks do not count: kedge gives this machine some itself.
func OwnAddress(cluster ...netip.Prefix) (netip.Addr, error) {
	const anywhere = "192.0.2.1:9" // TEST-NET-1 of RFC 5737, port discard
	if connection, err := net.Dial("udp4", anywhere); err == nil {
		defer connection.Close()
		if local, ok := connection.LocalAddr().(*net.UDPAddr); ok && isOutside(local.AddrPort().Addr(), cluster) {
			return local.AddrPort().Addr(), nil
		}
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find this machine's address: %w", err)
	}
	for _, each := range interfaces {
		if each.Flags&net.FlagLoopback != 0 {
			continue // what lies there is for this machine alone
		}
		addresses, err := each.Addrs()
		if err != nil {
			return netip.Addr{}, fmt.Errorf("find this machine's address: %w", err)
		}
		if found, ok := reachable(addresses, cluster); ok {
			return found, nil
		}
	}
	return netip.Addr{}, ErrNoAddress
}

// reachable is the first of an interface's addresses that others could reach.
func reachable(addresses []net.Addr, cluster []netip.Prefix) (netip.Addr, bool) {
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if !ok || !network.IP.IsGlobalUnicast() {
			continue
		}
		if found, ok := netip.AddrFromSlice(network.IP); ok && isOutside(found.Unmap(), cluster) {
			return found.Unmap(), true
		}
	}
	return netip.Addr{}, false
}

func isOutside(address netip.Addr, networks []netip.Prefix) bool {
	return !slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

// ErrNoAddress says that there is no network.
var ErrNoAddress = errors.New("this machine has no address that others could reach")
