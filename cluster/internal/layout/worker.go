package layout

import (
	"path/filepath"
	"strings"
)

const (
	// ttrpc ends the name of containerd's second socket.
	ttrpc = ".ttrpc"
	// shimSocketName is how many characters the name of a shim's socket has: a SHA-256.
	shimSocketName = 64
)

// Of a worker. What stands in Worker is its identity, and what it knows of its
// cluster; the rest can be made anew.

// Worker is where a node's certificates and its view of the cluster are.
func (l Layout) Worker() string { return filepath.Join(l.DataDir, "worker") }

// NodeCA is who signed the API server's certificate and the tunnel's.
func (l Layout) NodeCA() string { return filepath.Join(l.Worker(), "ca.crt") }

// DeviceKey is the machine's own key, by which the controller knows it again.
func (l Layout) DeviceKey() string { return filepath.Join(l.Worker(), "device.pem") }

// DeviceNode is what a device with a fleet's card was approved as.
func (l Layout) DeviceNode() string { return filepath.Join(l.Worker(), "approved.json") }

// EnrolmentState is how it stands with a device that asks to be approved.
func (l Layout) EnrolmentState() string { return filepath.Join(l.RunDir, "enrolment.json") }

// NodeKubeconfig is how the node's components reach the API server.
func (l Layout) NodeKubeconfig() string { return filepath.Join(l.Worker(), "node.conf") }

// NodeCertificate is the file of a certificate with its key that the node has
// now: "node", "serving" or "tunnel". The name is that of client-go's store.
func (l Layout) NodeCertificate(name string) string {
	return filepath.Join(l.Worker(), name+"-current.pem")
}

// KubeletClientCA is who signs the certificates of those that may ask the kubelet.
func (l Layout) KubeletClientCA() string { return filepath.Join(l.Worker(), "kubelet-client-ca.crt") }

// ClusterFile is what the controller told this worker last.
func (l Layout) ClusterFile() string { return filepath.Join(l.Worker(), "cluster.json") }

// Seen is what this node has seen of its cluster, encrypted with the node's key.
func (l Layout) Seen() string { return filepath.Join(l.Worker(), "seen") }

// ClusterUID is how the node knows its cluster from another.
func (l Layout) ClusterUID() string { return filepath.Join(l.Worker(), "cluster-uid") }

// ImportedImages is which bundle brought which images.
func (l Layout) ImportedImages() string { return filepath.Join(l.Worker(), "images.json") }

// Images has bundles of images, which are imported while they lie there.
func (l Layout) Images() string { return filepath.Join(l.DataDir, "images") }

// Helpers is where the helpers that the executable carries are unpacked.
func (l Layout) Helpers() string { return filepath.Join(l.DataDir, "helpers") }

// Kubelet is the kubelet's directory, with the volumes of pods.
func (l Layout) Kubelet() string { return filepath.Join(l.DataDir, "kubelet") }

// Containerd is where containerd keeps images and the file systems of containers.
func (l Layout) Containerd() string { return filepath.Join(l.DataDir, "containerd") }

// Of the run directory.

// ContainerdSocket is where a worker's containerd listens.
func (l Layout) ContainerdSocket() string { return filepath.Join(l.RunDir, "containerd.sock") }

// NodeNetworkSocket is where the process of the node's network asks what to run.
func (l Layout) NodeNetworkSocket() string { return filepath.Join(l.RunDir, "node-network.sock") }

// ContainerdState is what containerd knows of the containers that run.
func (l Layout) ContainerdState() string { return filepath.Join(l.RunDir, "containerd") }

// RuncState is what runc knows of them.
func (l Layout) RuncState() string { return filepath.Join(l.RunDir, "runc") }

// ShimSockets is where containerd reaches the processes that hold containers.
func (l Layout) ShimSockets() string { return filepath.Join(l.RunDir, "s") }

// NodeConfig is the directory of the files that a node's components read at their start.
func (l Layout) NodeConfig() string { return filepath.Join(l.RunDir, "node") }

// ComponentKubeconfig is how the node's components are answered by kedge itself.
func (l Layout) ComponentKubeconfig() string { return filepath.Join(l.NodeConfig(), "api.conf") }

// ContainerdConfig is containerd's file.
func (l Layout) ContainerdConfig() string { return filepath.Join(l.NodeConfig(), "containerd.toml") }

// KubeletConfig is the kubelet's file.
func (l Layout) KubeletConfig() string { return filepath.Join(l.NodeConfig(), "kubelet.json") }

// KubeProxyConfig is kube-proxy's file.
func (l Layout) KubeProxyConfig() string { return filepath.Join(l.NodeConfig(), "kube-proxy.json") }

// FlannelConfig is the file that describes flannel's network.
func (l Layout) FlannelConfig() string { return filepath.Join(l.NodeConfig(), "flannel.json") }

// FlannelSubnet is where flannel tells which addresses this node's pods have.
func (l Layout) FlannelSubnet() string { return filepath.Join(l.RunDir, "flannel", "subnet.env") }

// Corefile is the file of the node's DNS server.
func (l Layout) Corefile() string { return filepath.Join(l.NodeConfig(), "Corefile") }

// CNIConfig is where containerd looks for the network that kedge itself makes.
func (l Layout) CNIConfig() string { return filepath.Join(l.RunDir, "cni") }

// CNIAddresses is which addresses pods have. It is lost with the pods, when the
// machine starts anew.
func (l Layout) CNIAddresses() string { return filepath.Join(l.RunDir, "cni-addresses") }

// PodAddresses is which addresses pods had when kedge was started: a file for
// each, named after its UID.
func (l Layout) PodAddresses() string { return filepath.Join(l.RunDir, "pod-addresses") }

// MadeByWorker is everything of a worker in both directories, the worker's own
// last: until it is gone, what the cluster was is still known. In those of the
// kubelet and containerd other file systems are mounted. Images are the user's.
func (l Layout) MadeByWorker() []string {
	return []string{
		l.PIDs(), l.StatusSocket(), l.ContainerdSocket(), l.ContainerdSocket() + ttrpc, l.NodeNetworkSocket(), l.ContainerdState(), l.RuncState(), l.ShimSockets(),
		l.EnrolmentState(), l.NodeConfig(), filepath.Dir(l.FlannelSubnet()), l.CNIConfig(), l.CNIAddresses(), l.PodAddresses(), l.Kubelet(), l.Containerd(), l.Helpers(), l.Versions(), l.Worker(),
	}
}

// CheckWorker refuses directories with which a worker could not make its sockets.
func (l Layout) CheckWorker() error {
	return l.check(filepath.Join(l.ShimSockets(), strings.Repeat("0", shimSocketName)))
}
