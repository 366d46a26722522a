package nodereset

import (
	"net"
	"slices"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"github.com/vishvananda/netlink"

	"kedge/internal/policy"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func address(t *testing.T, text string) *net.IPNet {
	t.Helper()
	ip, network, err := net.ParseCIDR(text)
	must(t, err)
	return &net.IPNet{IP: ip, Mask: network.Mask}
}

// device makes an interface that is up.
func device(t *testing.T, link netlink.Link, addresses ...string) netlink.Link {
	t.Helper()
	must(t, netlink.LinkAdd(link))
	made, err := netlink.LinkByName(link.Attrs().Name)
	must(t, err)
	for _, each := range addresses {
		must(t, netlink.AddrAdd(made, &netlink.Addr{IPNet: address(t, each)}))
	}
	must(t, netlink.LinkSetUp(made))
	return made
}

func named(name string) netlink.LinkAttrs {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	return attributes
}

// network is what a machine has, by name.
func network(t *testing.T) []string {
	t.Helper()
	var all []string
	links, err := netlink.LinkList()
	must(t, err)
	for _, link := range links {
		all = append(all, "link "+link.Attrs().Name)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	must(t, err)
	for _, each := range addresses {
		all = append(all, "address "+each.IPNet.String())
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	must(t, err)
	for _, each := range routes {
		all = append(all, "route "+each.Dst.String())
	}
	filter, err := nftables.New()
	must(t, err)
	tables, err := filter.ListTables()
	must(t, err)
	for _, table := range tables {
		all = append(all, "table "+table.Name)
	}
	slices.Sort(all)
	return all
}

// foreignNetwork is what others have.
func foreignNetwork(t *testing.T) {
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
	must(t, netlink.AddrAdd(lo, &netlink.Addr{IPNet: address(t, "10.9.9.9/32")}))
	device(t, &netlink.Bridge{LinkAttrs: named("eth0")}, "192.168.7.2/24")
	foreign := device(t, &netlink.Veth{LinkAttrs: named("veth-theirs"), PeerName: "theirs"})
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: foreign.Attrs().Index, Dst: address(t, "10.88.0.2/32")}))
	filter, err := nftables.New()
	must(t, err)
	filter.AddTable(&nftables.Table{Name: "theirs", Family: nftables.TableFamilyIPv4})
	must(t, filter.Flush())
}

// ownNetwork is what a node has with one pod.
func ownNetwork(t *testing.T) {
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	for _, each := range []string{"10.96.0.1/32", "10.96.0.10/32"} {
		must(t, netlink.AddrAdd(lo, &netlink.Addr{IPNet: address(t, each)}))
	}
	device(t, &netlink.Bridge{LinkAttrs: named("flannel.1")}, "10.244.1.0/32")
	pod := device(t, &netlink.Veth{LinkAttrs: named("veth12f46eb1"), PeerName: "pod"}, "10.244.1.1/32")
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: pod.Attrs().Index, Dst: address(t, "10.244.1.2/32"), Scope: netlink.SCOPE_LINK}))
	eth0, err := netlink.LinkByName("eth0")
	must(t, err)
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Dst: address(t, "10.244.2.0/24"), Gw: net.IPv4(192, 168, 7, 3)}))
	filter, err := nftables.New()
	must(t, err)
	for name, family := range map[string]nftables.TableFamily{
		"kube-proxy": nftables.TableFamilyIPv4, "flannel-ipv4": nftables.TableFamilyIPv4, "flannel-ipv6": nftables.TableFamilyIPv6,
		policy.TableName: nftables.TableFamilyIPv6,
	} {
		filter.AddTable(&nftables.Table{Name: name, Family: family})
	}
	must(t, filter.Flush())
	forwarded(t, ownID)
}

// forwarded makes a rule of the plugin portmap for a container.
func forwarded(t *testing.T, id string) {
	t.Helper()
	filter, err := nftables.New()
	must(t, err)
	table := filter.AddTable(&nftables.Table{Name: portTable, Family: nftables.TableFamilyIPv4})
	chain := filter.AddChain(&nftables.Chain{Name: "hostports", Table: table})
	filter.AddRule(&nftables.Rule{Table: table, Chain: chain, UserData: userdata.AppendString(nil, userdata.TypeComment, id)})
	must(t, filter.Flush())
}

func rules(t *testing.T) int {
	t.Helper()
	filter, err := nftables.New()
	must(t, err)
	table := &nftables.Table{Name: portTable, Family: nftables.TableFamilyIPv4}
	found, err := filter.GetRules(table, &nftables.Chain{Name: "hostports", Table: table})
	must(t, err)
	return len(found)
}

func TestNetworkIsAsItWas(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		foreignNetwork(t)
		before := network(t)
		ownNetwork(t)
		// Addresses, interfaces, routes and tables.
		if during := network(t); len(during) != len(before)+4+3+2+5 {
			t.Errorf("made: %q", during)
		}
		for _, attempt := range []string{"first", "second"} {
			if err := testNode(t).removeNetwork(t.Context()); err != nil {
				t.Errorf("%s: %v", attempt, err)
			}
			if after := network(t); !slices.Equal(after, before) {
				t.Errorf("%s: after %q\nbefore %q", attempt, after, before)
			}
		}
	})
}

func TestPortsOfOthersStay(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		forwarded(t, otherID)
		forwarded(t, ownID)
		if err := testNode(t).removeNetwork(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := rules(t); left != 1 {
			t.Errorf("%d rules are left; want the one of the other's container", left)
		}
	})
}

// TestAForeignNetworkStays is about a cluster whose own manifests connect pods.
func TestAForeignNetworkStays(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		n := testNode(t)
		n.cluster.Network.Provider, n.cluster.Proxy.Disabled = "custom", true
		device(t, &netlink.Bridge{LinkAttrs: named("flannel.1")}, "10.244.1.0/24")
		filter, err := nftables.New()
		must(t, err)
		filter.AddTable(&nftables.Table{Name: "kube-proxy", Family: nftables.TableFamilyIPv4})
		must(t, filter.Flush())
		before := network(t)
		if err := n.removeNetwork(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := network(t); !slices.Equal(after, before) {
			t.Errorf("after %q\nbefore %q", after, before)
		}
	})
}
