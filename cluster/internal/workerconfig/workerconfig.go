// Package workerconfig is what a controller tells its workers: one document for
// every worker profile, which the controller writes and workers read.
package workerconfig

import (
	"encoding/json"
	"fmt"
)

// Version is the form of the document. It is raised when a worker that does not
// know the new form would run pods wrongly; a new field alone does not raise it.
const Version = "v1"

// Key is where the document lies in its ConfigMap.
const Key = "worker.json"

// ConfigMap is the name of a profile's ConfigMap in kube-system.
func ConfigMap(profile string) string { return "worker-config-" + profile }

// Config is what a worker must know of its cluster before it can run pods.
type Config struct {
	// Version is the form of this document.
	Version string `json:"version"`

	ClusterDomain string `json:"clusterDomain"`
	// DNSAddress is the service's that pods ask for names.
	DNSAddress  string `json:"dnsAddress"`
	PodCIDR     string `json:"podCIDR"`
	ServiceCIDR string `json:"serviceCIDR"`

	Network       Network       `json:"network"`
	NetworkPolicy NetworkPolicy `json:"networkPolicy"`
	Proxy         Proxy         `json:"proxy"`
	DNS           DNS           `json:"dns"`
	Tunnel        Tunnel        `json:"tunnel"`

	// KubeletClientCA is who signs the certificates of those that may ask
	// kubelets, in PEM.
	KubeletClientCA string `json:"kubeletClientCA"`
	Images          Images `json:"images"`

	// Executables are the user's own, by component.
	Executables map[string]string `json:"executables,omitempty"`

	// Kubelet has fields of a KubeletConfiguration, as the profile wants them.
	Kubelet               map[string]any  `json:"kubelet,omitempty"`
	FeatureGates          map[string]bool `json:"featureGates,omitempty"` // the kubelet's
	KubeProxyFeatureGates map[string]bool `json:"kubeProxyFeatureGates,omitempty"`
}

// Network is how pods of different nodes reach each other.
type Network struct {
	// Disabled says that workers connect no pods: the cluster's own manifests do.
	Disabled bool `json:"disabled,omitempty"`
	// Provider is as spec.network.provider has it.
	Provider string `json:"provider"`
	// FlannelConfig is flannel's net-conf.json; absent with another provider.
	FlannelConfig json.RawMessage `json:"flannelConfig,omitempty"`
}

// NetworkPolicy is who enforces network policies.
type NetworkPolicy struct {
	// Disabled says that workers enforce none.
	Disabled bool `json:"disabled,omitempty"`
}

// Proxy is how services are reached.
type Proxy struct {
	Disabled bool `json:"disabled,omitempty"`
	// Mode is kube-proxy's.
	Mode string `json:"mode"`
}

// DNS is how services' names are found.
type DNS struct {
	Disabled bool `json:"disabled,omitempty"`
}

// Tunnel is how the API server reaches nodes. Its host is the API server's.
type Tunnel struct {
	Disabled bool `json:"disabled,omitempty"`
	Port     int  `json:"port"`
}

// Images are where the images of kedge itself come from.
type Images struct {
	// Pause is the reference of the image that holds pods' namespaces; empty:
	// the one that the worker was released with.
	Pause string `json:"pause,omitempty"`
	// Repository replaces the registry in the names of images; empty: none.
	Repository        string `json:"repository,omitempty"`
	DefaultPullPolicy string `json:"defaultPullPolicy"`
}

// Encode writes the document. Equal configurations give equal bytes.
func (c Config) Encode() ([]byte, error) {
	encoded, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write a worker's configuration: %w", err)
	}
	return encoded, nil
}

// Decode reads the document. Fields that it does not know are those of a newer
// controller that an older worker can do without.
func Decode(encoded []byte) (Config, error) {
	// The version first: in another form, fields may have other types.
	var form struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(encoded, &form); err != nil {
		return Config{}, fmt.Errorf("read the controller's configuration for workers: %w", err)
	}
	if form.Version != Version {
		return Config{}, fmt.Errorf("the controller's configuration for workers is of the form %q, and this worker knows %q: install the controller's version of kedge here", form.Version, Version)
	}
	var c Config
	if err := json.Unmarshal(encoded, &c); err != nil {
		return Config{}, fmt.Errorf("read the controller's configuration for workers: %w", err)
	}
	return c, nil
}
