// Package config reads what a cluster shall be: a ClusterConfig.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"
)

// The only document that there is.
const (
	APIVersion = "kedge/v1"
	Kind       = "ClusterConfig"
)

// ClusterConfig is the file that `kedge controller --config` takes.
type ClusterConfig struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   Metadata `yaml:"metadata,omitempty"`
	Spec       Spec     `yaml:"spec"`
}

// Metadata names the cluster.
type Metadata struct {
	Name string `yaml:"name,omitempty"`
}

// Spec is what can be chosen.
type Spec struct {
	API               API               `yaml:"api,omitempty"`
	Storage           Storage           `yaml:"storage,omitempty"`
	Network           Network           `yaml:"network,omitempty"`
	ControllerManager Extra             `yaml:"controllerManager,omitempty"`
	Scheduler         Extra             `yaml:"scheduler,omitempty"`
	Konnectivity      Konnectivity      `yaml:"konnectivity,omitempty"`
	FeatureGates      []FeatureGate     `yaml:"featureGates,omitempty"`
	Executables       map[string]string `yaml:"executables,omitempty"`
}

// API is how the API server is reached.
type API struct {
	Address         string            `yaml:"address,omitempty"`
	ExternalAddress string            `yaml:"externalAddress,omitempty"`
	Port            int               `yaml:"port,omitempty"`
	SANs            []string          `yaml:"sans,omitempty"`
	ExtraArgs       map[string]string `yaml:"extraArgs,omitempty"`
}

// Storage is what keeps the state: kine on a database, or etcd.
type Storage struct {
	Type string `yaml:"type,omitempty"`
	Kine Kine   `yaml:"kine,omitempty"`
}

// Kine names the database; empty is SQLite in the data directory.
type Kine struct {
	DataSource string `yaml:"dataSource,omitempty"`
}

// Network is the addresses inside the cluster.
type Network struct {
	PodCIDR       string `yaml:"podCIDR,omitempty"`
	ServiceCIDR   string `yaml:"serviceCIDR,omitempty"`
	ClusterDomain string `yaml:"clusterDomain,omitempty"`
}

// Extra is further arguments of a component.
type Extra struct {
	ExtraArgs map[string]string `yaml:"extraArgs,omitempty"`
}

// Konnectivity is the ports of the tunnel.
type Konnectivity struct {
	AgentPort int `yaml:"agentPort,omitempty"`
	AdminPort int `yaml:"adminPort,omitempty"`
}

// FeatureGate switches a feature, of some components or of all.
type FeatureGate struct {
	Name       string   `yaml:"name"`
	Enabled    bool     `yaml:"enabled"`
	Components []string `yaml:"components,omitempty"`
}

// FeatureGatesOf are those of one component.
func (s Spec) FeatureGatesOf(component string) map[string]bool {
	gates := make(map[string]bool)
	for _, gate := range s.FeatureGates {
		if len(gate.Components) == 0 || slices.Contains(gate.Components, component) {
			gates[gate.Name] = gate.Enabled
		}
	}
	return gates
}

// Default is what applies where a file says nothing.
func Default() ClusterConfig {
	return ClusterConfig{
		APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: "kedge"},
		Spec: Spec{
			API:          API{Port: 6443},
			Storage:      Storage{Type: "kine"},
			Network:      Network{PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.96.0.0/12", ClusterDomain: "cluster.local"},
			Konnectivity: Konnectivity{AgentPort: 8132, AdminPort: 8133},
		},
	}
}

// Load reads a file; "-" is standard input, as everywhere. What the file does
// not say is as in Default.
func Load(file string) (ClusterConfig, error) {
	content, err := read(file)
	if err != nil {
		return ClusterConfig{}, fmt.Errorf("read the configuration: %w", err)
	}
	config := Default()
	config.APIVersion, config.Kind = "", ""
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config); err != nil && !errors.Is(err, io.EOF) {
		return ClusterConfig{}, fmt.Errorf("%s: %w", file, err)
	}
	if err := config.Validate(); err != nil {
		return ClusterConfig{}, fmt.Errorf("%s: %w", file, err)
	}
	return config, nil
}

func read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}

// Validate tells everything that is wrong, not only the first.
func (c ClusterConfig) Validate() error {
	var problems []error
	wrong := func(format string, arguments ...any) { problems = append(problems, fmt.Errorf(format, arguments...)) }
	if c.APIVersion != APIVersion || c.Kind != Kind {
		wrong("apiVersion and kind are %q and %q; they must be %q and %q", c.APIVersion, c.Kind, APIVersion, Kind)
	}
	if c.Spec.Storage.Type != "kine" && c.Spec.Storage.Type != "etcd" {
		wrong("spec.storage.type is %q; it is kine or etcd", c.Spec.Storage.Type)
	}
	for field, port := range map[string]int{
		"spec.api.port": c.Spec.API.Port, "spec.konnectivity.agentPort": c.Spec.Konnectivity.AgentPort, "spec.konnectivity.adminPort": c.Spec.Konnectivity.AdminPort,
	} {
		const highest = 65535
		if port < 1 || port > highest {
			wrong("%s is %d; a port is from 1 to %d", field, port, highest)
		}
	}
	for field, prefix := range map[string]string{"spec.network.podCIDR": c.Spec.Network.PodCIDR, "spec.network.serviceCIDR": c.Spec.Network.ServiceCIDR} {
		if _, err := netip.ParsePrefix(prefix); err != nil {
			wrong("%s is %q; it is a network such as 10.244.0.0/16", field, prefix)
		}
	}
	if address := c.Spec.API.Address; address != "" {
		if _, err := netip.ParseAddr(address); err != nil {
			wrong("spec.api.address is %q; it is an IP address of this machine", address)
		}
	}
	return errors.Join(problems...)
}
