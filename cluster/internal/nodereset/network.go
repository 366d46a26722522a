package nodereset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kedge/internal/argv"
)

// flannelLinks are the interfaces of flannel's backends.
var flannelLinks = [...]string{"flannel.1", "flannel-v6.1", "flannel-wg", "flannel-wg-v6"}

// removeNetwork removes what connected the pods, and what let them be reached.
func (n node) removeNetwork(ctx context.Context) error {
	problems := []error{n.removeAddresses(), n.removeTables(), n.removeRules(ctx)}
	if n.hasOwnNetwork() {
		problems = append(problems, n.removeRoutes(), n.removeLinks())
	}
	return errors.Join(append(problems, n.removeNamespaces())...)
}

// removeAddresses takes the services' addresses from the loopback interface.
func (n node) removeAddresses() error {
	if n.cluster == nil {
		return nil
	}
	api, err := argv.Node{Cluster: *n.cluster}.APIAddress()
	if err != nil {
		return fmt.Errorf("the cluster's network of services: %w", err)
	}
	own := []netip.Addr{api}
	if dns, err := netip.ParseAddr(n.cluster.DNSAddress); err == nil {
		own = append(own, dns)
	}
	link, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback interface: %w", err)
	}
	for _, address := range own {
		host := &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(address.BitLen(), address.BitLen())}}
		if err := netlink.AddrDel(link, host); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("remove the address: %w; 'ip address del %s dev lo' does so", err, host.IPNet)
		}
	}
	return nil
}

// podNetworks are the cluster's networks of pods.
func (n node) podNetworks() []netip.Prefix {
	var networks []netip.Prefix
	for text := range strings.SplitSeq(n.cluster.PodCIDR, ",") {
		if network, err := netip.ParsePrefix(strings.TrimSpace(text)); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

// podRoutes are the routes to pods, here and on other nodes.
func (n node) podRoutes() ([]netlink.Route, error) {
	all, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list the routes: %w", err)
	}
	networks := n.podNetworks()
	return slices.DeleteFunc(all, func(route netlink.Route) bool {
		if route.Dst == nil {
			return true
		}
		to, ok := netip.AddrFromSlice(route.Dst.IP)
		return !ok || !slices.ContainsFunc(networks, func(network netip.Prefix) bool {
			ones, _ := route.Dst.Mask.Size()
			return network.Contains(to.Unmap()) && ones >= network.Bits()
		})
	}), nil
}

// removeRoutes removes those that lead to other nodes without an interface of flannel's.
func (n node) removeRoutes() error {
	routes, err := n.podRoutes()
	problems := []error{err}
	for _, route := range routes {
		if route.Gw == nil {
			continue
		}
		if err := netlink.RouteDel(&route); err != nil && !errors.Is(err, unix.ESRCH) {
			problems = append(problems, fmt.Errorf("remove the route to %s: %w; 'ip route del %s' does so", route.Dst, err, route.Dst))
		}
	}
	return errors.Join(problems...)
}

// removeLinks removes the pods' ends on this machine, and flannel's interfaces.
func (n node) removeLinks() error {
	routes, err := n.podRoutes()
	problems := []error{err}
	for _, route := range routes {
		link, err := netlink.LinkByIndex(route.LinkIndex)
		if err == nil && link.Type() == "veth" && route.Gw == nil {
			problems = append(problems, removeLink(link))
		}
	}
	for _, name := range flannelLinks {
		if link, err := netlink.LinkByName(name); err == nil {
			problems = append(problems, removeLink(link))
		}
	}
	return errors.Join(problems...)
}

func removeLink(link netlink.Link) error {
	name := link.Attrs().Name
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove the interface %s: %w; 'ip link del %s' does so", name, err, name)
	}
	return nil
}

// removeNamespaces removes the pods' network namespaces. With them goes what is left in them.
func (n node) removeNamespaces() error {
	var problems []error
	for _, file := range n.pods.networks {
		if err := detach(file); err != nil {
			problems = append(problems, err)
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("remove a pod's network: %w; 'umount %s' and 'rm %s' do so", err, file, file))
		}
	}
	return errors.Join(problems...)
}
