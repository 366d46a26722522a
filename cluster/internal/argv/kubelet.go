package argv

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"kedge/internal/layout"
)

// KubeletArgs are what the kubelet's file cannot say.
func KubeletArgs(n Node, l layout.Layout) []string {
	args := arguments{
		"cert-dir":          l.Worker(),
		"config":            l.KubeletConfig(),
		"hostname-override": n.Name,
		"kubeconfig":        n.Kubeconfig(l),
		// Without it the kubelet asks the machine's resolver for the node's name,
		// again and again, and waits for an answer that need not come.
		"node-ip":  n.Address.String(),
		"root-dir": l.Kubelet(),
	}
	if len(n.Labels) > 0 {
		var labels []string
		for _, name := range slices.Sorted(maps.Keys(n.Labels)) {
			labels = append(labels, name+"="+n.Labels[name])
		}
		args["node-labels"] = strings.Join(labels, ",")
	}
	return args.list(nil)
}

// KubeletConfig is the kubelet's file: kedge's defaults, over them the worker's
// profile, over that what must be so.
func KubeletConfig(n Node, l layout.Layout) ([]byte, error) {
	config := kubeletDefaults(n, l)
	maps.Copy(config, n.Cluster.Kubelet)
	maps.Copy(config, kubeletFixed(n, l))
	if len(n.Cluster.FeatureGates) > 0 {
		gates := maps.Clone(n.Cluster.FeatureGates)
		if own, ok := config["featureGates"].(map[string]any); ok {
			for name, value := range own {
				if on, ok := value.(bool); ok {
					gates[name] = on
				}
			}
		}
		config["featureGates"] = gates
	}
	encoded, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the kubelet's configuration: %w", err)
	}
	return append(encoded, '\n'), nil
}

func kubeletDefaults(n Node, l layout.Layout) map[string]any {
	defaults := map[string]any{
		// Whoever asks a kubelet comes through the tunnel.
		"address":            Loopback,
		"healthzBindAddress": Loopback,
		"healthzPort":        n.Ports.KubeletHealth,
		"readOnlyPort":       0,
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true, "cacheTTL": "2m0s"},
			"x509":      map[string]any{"clientCAFile": l.KubeletClientCA()},
		},
		"authorization":  map[string]any{"mode": "Webhook"},
		"seccompDefault": true,
		"tlsMinVersion":  "VersionTLS12",
		// Small machines swap into their own memory, compressed.
		"failSwapOn": false,
		// No program of iptables is needed, and none may be there.
		"makeIPTablesUtilChains": false,
		"resolvConf":             n.ResolvConf,
		// Creating a container on an SD card that is busy takes minutes.
		"runtimeRequestTimeout": "10m0s",
		"volumePluginDir":       filepath.Join(l.Kubelet(), "volume-plugins"),
	}
	if n.Systemd {
		defaults["shutdownGracePeriod"] = "30s"
		defaults["shutdownGracePeriodCriticalPods"] = "10s"
	}
	if len(n.Taints) > 0 {
		defaults["registerWithTaints"] = taints(n.Taints)
	}
	return defaults
}

func kubeletFixed(n Node, l layout.Layout) map[string]any {
	certificate := l.NodeCertificate("serving")
	fixed := map[string]any{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"containerRuntimeEndpoint": n.Runtime(l),
		// kedge keeps the certificates: the kubelet would ask for one with its
		// addresses, which prove nothing.
		"rotateCertificates": false,
		"serverTLSBootstrap": false,
		"tlsCertFile":        certificate,
		"tlsPrivateKeyFile":  certificate,
		"clusterDomain":      n.Cluster.ClusterDomain,
	}
	if !n.Cluster.DNS.Disabled {
		fixed["clusterDNS"] = []string{n.Cluster.DNSAddress}
	}
	return fixed
}

// taints are as users write them: KEY=VALUE:EFFECT, or KEY:EFFECT.
func taints(list []string) []map[string]string {
	var made []map[string]string
	for _, text := range list {
		what, effect, _ := strings.Cut(text, ":")
		key, value, _ := strings.Cut(what, "=")
		made = append(made, map[string]string{"key": key, "value": value, "effect": effect})
	}
	return made
}

// KubeProxyArgs name the file.
func KubeProxyArgs(l layout.Layout) []string { return []string{"--config=" + l.KubeProxyConfig()} }

// KubeProxyConfig is kube-proxy's file.
func KubeProxyConfig(n Node, l layout.Layout) ([]byte, error) {
	config := map[string]any{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"clientConnection":   map[string]any{"kubeconfig": n.Kubeconfig(l)},
		"clusterCIDR":        n.Cluster.PodCIDR,
		"detectLocalMode":    "ClusterCIDR",
		"healthzBindAddress": fmt.Sprintf("%s:%d", Loopback, n.Ports.ProxyHealth),
		"hostnameOverride":   n.Name,
		"metricsBindAddress": fmt.Sprintf("%s:%d", Loopback, n.Ports.ProxyMetrics),
		"mode":               n.Cluster.Proxy.Mode,
		// The kernel's own limit follows the machine's memory; upstream's is for servers.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0},
	}
	if len(n.Cluster.KubeProxyFeatureGates) > 0 {
		config["featureGates"] = n.Cluster.KubeProxyFeatureGates
	}
	encoded, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write kube-proxy's configuration: %w", err)
	}
	return append(encoded, '\n'), nil
}
