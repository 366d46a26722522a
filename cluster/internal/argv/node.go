package argv

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"

	"kedge/internal/layout"
	"kedge/internal/workerconfig"
)

// The names of a worker's components.
const (
	Containerd        = "containerd"
	Kubelet           = "kubelet"
	KubeProxy         = "kube-proxy"
	Flannel           = "flanneld"
	CoreDNS           = "coredns"
	KonnectivityAgent = "konnectivity-agent"
	NetworkPolicy     = "network-policy"
	// NodeNetwork is the process that several of them share.
	NodeNetwork = "node-network"
)

// NodeComponents are those that a user may have another executable for.
func NodeComponents() []string {
	return []string{Containerd, Kubelet, KubeProxy, Flannel, CoreDNS, KonnectivityAgent}
}

// Node is what a worker's components must agree on.
type Node struct {
	Name string
	// Address is the node's own, which others in its network reach it at.
	Address netip.Addr
	// Server is the API server, https://HOST:PORT.
	Server *url.URL
	// Direct says that components ask the API server themselves, since it is on
	// this machine; else kedge answers them, with or without a controller.
	Direct bool
	// Cluster is what the controller tells.
	Cluster workerconfig.Config
	// Helpers is the directory of what kedge unpacked.
	Helpers string
	// Pause is the image that holds pods' namespaces.
	Pause string
	// ContainerRuntime is the socket of another CRI runtime; empty: containerd's.
	ContainerRuntime string
	// Systemd says that systemd manages this machine's control groups.
	Systemd bool
	// Confined says that kedge may not make processes less likely to be killed
	// than itself, as in a container.
	Confined bool
	// ResolvConf is the file with the machine's own name servers.
	ResolvConf string
	// NameServers are those of ResolvConf.
	NameServers []string
	// Labels are set on the Node when it registers.
	Labels map[string]string
	// Taints keep pods away from the Node when it registers: KEY=VALUE:EFFECT.
	Taints []string
	Ports  NodePorts
}

// NodePorts are the loopback ports of a node's components, on which they tell
// their health. The kubelet's own port is upstream's.
type NodePorts struct {
	Kubelet       int
	KubeletHealth int
	ProxyHealth   int
	ProxyMetrics  int
	FlannelHealth int
	DNSHealth     int
	DNSReady      int
	AgentHealth   int
	AgentAdmin    int
	Policy        int
	APIProxy      int
}

// DefaultNodePorts are upstream's, where upstream has some.
func DefaultNodePorts() NodePorts {
	return NodePorts{
		Kubelet: 10250, KubeletHealth: 10248, ProxyHealth: 10256, ProxyMetrics: 10249, AgentHealth: 8093, AgentAdmin: 8094,
		FlannelHealth: 10261, DNSHealth: 10262, DNSReady: 10263, Policy: 10264, APIProxy: 10265,
	}
}

// Runtime is the socket by which the kubelet reaches the container runtime.
func (n Node) Runtime(l layout.Layout) string {
	if n.ContainerRuntime != "" {
		return n.ContainerRuntime
	}
	return "unix://" + l.ContainerdSocket()
}

// Kubeconfig is by what the node's components ask the API server.
func (n Node) Kubeconfig(l layout.Layout) string {
	if n.Direct {
		return l.NodeKubeconfig()
	}
	return l.ComponentKubeconfig()
}

// APIAddress is the address of the service "kubernetes", the first of all.
func (n Node) APIAddress() (netip.Addr, error) {
	services, err := netip.ParsePrefix(n.Cluster.ServiceCIDR)
	if err != nil {
		return netip.Addr{}, err
	}
	return services.Masked().Addr().Next(), nil
}

// CNI is where the network's plugins and their configuration are.
type CNI struct {
	Binaries      []string
	Configuration string
}

// CNI is kedge's own for kedge's own network. Whoever brings another puts its
// plugins and its configuration where all distributions have them.
func (n Node) CNI(l layout.Layout) CNI {
	own := filepath.Join(n.Helpers, "cni")
	if n.OwnNetwork() {
		return CNI{Binaries: []string{own}, Configuration: l.CNIConfig()}
	}
	return CNI{Binaries: []string{"/opt/cni/bin", own}, Configuration: "/etc/cni/net.d"}
}

// OwnNetwork says that flannel connects the nodes.
func (n Node) OwnNetwork() bool {
	return !n.Cluster.Network.Disabled && n.Cluster.Network.Provider == "flannel"
}

// FlannelArgs is what connects the pods of all nodes.
func FlannelArgs(n Node, l layout.Layout) []string {
	return arguments{
		"kubeconfig-file": n.Kubeconfig(l),
		"net-config-path": l.FlannelConfig(),
		"subnet-file":     l.FlannelSubnet(),
		"ip-masq":         "true",
		// Without it flannel looks for a default route, which need not be there.
		"iface":        n.Address.String(),
		"healthz-ip":   Loopback,
		"healthz-port": strconv.Itoa(n.Ports.FlannelHealth),
	}.list(nil)
}

// CoreDNSArgs is the node's DNS server.
func CoreDNSArgs(l layout.Layout) []string { return []string{"-conf", l.Corefile()} }

// KonnectivityAgentArgs is the node's end of the tunnel. It dials again whenever
// it has fewer connections than there are servers.
func KonnectivityAgentArgs(n Node, l layout.Layout) []string {
	certificate := l.NodeCertificate("tunnel")
	args := arguments{
		"admin-bind-address": Loopback,
		"admin-server-port":  strconv.Itoa(n.Ports.AgentAdmin),
		"agent-id":           n.Name,
		"agent-identifiers":  "host=" + n.Name,
		"ca-cert":            l.NodeCA(),
		"health-server-host": Loopback,
		"health-server-port": strconv.Itoa(n.Ports.AgentHealth),
		"keepalive-time":     "30s",
		"proxy-server-host":  n.Server.Hostname(),
		"proxy-server-port":  strconv.Itoa(n.Cluster.Tunnel.Port),
		"sync-interval":      "1s",
		"sync-interval-cap":  "10s",
		// Upstream's own verbosity has a line for every look.
		"v": "2",
	}
	args.pair("agent-cert", "agent-key", certificate, certificate)
	return args.list(nil)
}

// NetworkPolicyArgs is what enforces network policies.
func NetworkPolicyArgs(n Node, l layout.Layout) []string {
	return arguments{
		"kubeconfig":           n.Kubeconfig(l),
		"hostname-override":    n.Name,
		"healthz-bind-address": net.JoinHostPort(Loopback, strconv.Itoa(n.Ports.Policy)),
	}.list(nil)
}

// NodeNetworkArgs name the socket through which it is told what to run.
func NodeNetworkArgs(l layout.Layout) []string { return []string{"--socket=" + l.NodeNetworkSocket()} }
