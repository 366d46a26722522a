package config

import "slices"

// day is how long a site may be without its uplink before its pods are replaced:
// a device at its site cannot be, and its uplink comes back.
const day = 24 * 60 * 60

// Default is what applies where a file says nothing.
func Default() ClusterConfig {
	return ClusterConfig{
		APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: "kedge"},
		Spec: Spec{
			API:     API{Port: 6443},
			Storage: Storage{Type: "kine"},
			Network: Network{
				Provider: "flannel", PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.96.0.0/12", ClusterDomain: "cluster.local",
				Flannel: Flannel{Backend: "vxlan"}, KubeProxy: KubeProxy{Mode: "nftables"},
			},
			DefaultTolerations: DefaultTolerations{NotReadySeconds: day, UnreachableSeconds: day},
			Konnectivity:       Konnectivity{AgentPort: 8132, AdminPort: 8133},
			Images:             Images{DefaultPullPolicy: "IfNotPresent"},
		},
	}
}

// FeatureGatesOf are the features that are chosen for a component.
func (s Spec) FeatureGatesOf(component string) map[string]bool {
	gates := make(map[string]bool)
	for _, gate := range s.FeatureGates {
		if len(gate.Components) == 0 || slices.Contains(gate.Components, component) {
			gates[gate.Name] = gate.Enabled
		}
	}
	return gates
}
