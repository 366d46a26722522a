package argv

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"kedge/internal/golden"
	"kedge/internal/layout"
	"kedge/internal/workerconfig"
)

func testNode() Node {
	return Node{
		Name: "edge1", Address: netip.MustParseAddr("192.0.2.21"), Server: &url.URL{Scheme: "https", Host: "controller.example:6443"},
		Cluster: workerconfig.Config{
			Version: workerconfig.Version, ClusterDomain: "cluster.local", DNSAddress: "10.96.0.10",
			PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.96.0.0/12",
			Network: workerconfig.Network{Provider: "flannel", FlannelConfig: json.RawMessage(`{"Network":"10.244.0.0/16"}`)},
			Proxy:   workerconfig.Proxy{Mode: "nftables"}, Tunnel: workerconfig.Tunnel{Port: 8132},
			Kubelet: map[string]any{"maxPods": 30},
		},
		Helpers: "/var/lib/kedge/helpers/0123456789abcdef", Pause: "kedge.invalid/pause:1", Systemd: true,
		ResolvConf: "/run/systemd/resolve/resolv.conf", NameServers: []string{"192.0.2.53", "2001:db8::53"},
		Ports: DefaultNodePorts(),
	}
}

// TestNodeFiles compares whole files and command lines. With UPDATE_GOLDEN set
// it writes what the functions make now.
func TestNodeFiles(t *testing.T) {
	special := testNode()
	special.Labels = map[string]string{"topology.kubernetes.io/zone": "plant-7", "a": "b"}
	special.Taints = []string{"site=plant-7:NoSchedule", "node-role.kubernetes.io/control-plane:NoSchedule"}
	special.Cluster.FeatureGates = map[string]bool{"A": true, "B": false}
	special.Cluster.Kubelet = map[string]any{"address": "0.0.0.0", "featureGates": map[string]any{"B": true}, "clusterDomain": "a.profile.cannot"}
	foreign := testNode()
	foreign.Cluster.Network = workerconfig.Network{Provider: "custom"}
	foreign.ContainerRuntime, foreign.Systemd = "unix:///run/crio/crio.sock", false
	cut := testNode()
	cut.NameServers = nil
	lines := func(list []string) ([]byte, error) { return []byte(strings.Join(list, "\n") + "\n"), nil }
	for name, test := range map[string]struct {
		make func(Node, layout.Layout) ([]byte, error)
		node Node
	}{
		"containerd":         {ContainerdConfig, testNode()},
		"containerd-foreign": {ContainerdConfig, foreign},
		"kubelet-config":     {KubeletConfig, testNode()},
		"kubelet-special":    {KubeletConfig, special},
		"kubelet-foreign":    {KubeletConfig, foreign},
		"kubelet":            {func(n Node, l layout.Layout) ([]byte, error) { return lines(KubeletArgs(n, l)) }, special},
		"kube-proxy":         {KubeProxyConfig, testNode()},
		"Corefile":           {Corefile, testNode()},
		"Corefile-cut":       {Corefile, cut},
		"flanneld":           {func(n Node, l layout.Layout) ([]byte, error) { return lines(FlannelArgs(n, l)) }, testNode()},
		"konnectivity-agent": {func(n Node, l layout.Layout) ([]byte, error) { return lines(KonnectivityAgentArgs(n, l)) }, testNode()},
		"node-network":       {func(_ Node, l layout.Layout) ([]byte, error) { return lines(NodeNetworkArgs(l)) }, testNode()},
		"network-policy":     {func(n Node, l layout.Layout) ([]byte, error) { return lines(NetworkPolicyArgs(n, l)) }, testNode()},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.make(test.node, layout.Layout{DataDir: layout.DefaultDataDir, RunDir: layout.DefaultRunDir})
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", "node", name+".golden"), string(got))
		})
	}
}
