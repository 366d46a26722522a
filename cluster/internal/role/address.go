package role

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// OwnAddress is the address from which this machine would reach others, or else
// any that others could reach it at. Nothing is sent to find out.
func OwnAddress() (netip.Addr, error) {
	const anywhere = "192.0.2.1:9" // TEST-NET-1 of RFC 5737, port discard
	if connection, err := net.Dial("udp4", anywhere); err == nil {
		defer connection.Close()
		if local, ok := connection.LocalAddr().(*net.UDPAddr); ok {
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
		for _, address := range addresses {
			if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
				if found, ok := netip.AddrFromSlice(network.IP); ok {
					return found.Unmap(), nil
				}
			}
		}
	}
	return netip.Addr{}, ErrNoAddress
}

// ErrNoAddress says that there is no network.
var ErrNoAddress = errors.New("this machine has no address that others could reach")
