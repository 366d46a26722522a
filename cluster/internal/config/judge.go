package config

import (
	"fmt"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"
)

// judge finds what single fields cannot show: it sees defaults and file together.
func (d *decoder) judge(c ClusterConfig) {
	d.judgeNetworks(c.Spec)
	d.judgePorts(c.Spec)
	seen := make(map[string]bool)
	for i, profile := range c.Spec.WorkerProfiles {
		if seen[profile.Name] {
			d.about(fmt.Sprintf("spec.workerProfiles[%d].name", i), "a profile before it is called %q too", profile.Name)
		}
		seen[profile.Name] = true
	}
	d.judgeGates(c.Spec.FeatureGates)
	if pause := c.Spec.Images.Pause; (pause.Image == "") != (pause.Version == "") {
		d.about("spec.images.pause", "image and version belong together; one of them is missing")
	}
	if c.Spec.Storage.Type != "kine" && c.Spec.Storage.Kine.DataSource != "" {
		d.about("spec.storage.kine.dataSource", "it means nothing with storage.type %s", c.Spec.Storage.Type)
	}
	d.judgeDatabase(c.Spec.Storage.Kine)
}

func (d *decoder) judgeDatabase(k Kine) {
	if (k.CertFile == "") != (k.KeyFile == "") {
		d.about(d.given("spec.storage.kine.certFile", "spec.storage.kine.keyFile"), "certFile and keyFile belong together; one of them is missing")
	}
	for field, file := range map[string]string{"caFile": k.CAFile, "certFile": k.CertFile} {
		if file != "" && (k.DataSource == "" || strings.HasPrefix(k.DataSource, "sqlite:")) {
			d.about("spec.storage.kine."+field, "it means nothing with SQLite, which is no server")
		}
	}
}

// about notes a problem where the field stands, or what it would stand in.
func (d *decoder) about(path, format string, arguments ...any) {
	d.problem(d.placeOf(path), path, format, arguments...)
}

func (d *decoder) placeOf(path string) *yaml.Node {
	for at := path; ; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		if node, ok := d.places[at]; ok {
			return node
		}
	}
}

// given is the first of the fields that the file has, so that a problem of two
// is told where somebody wrote one of them.
func (d *decoder) given(paths ...string) string {
	for _, path := range paths {
		if _, ok := d.places[path]; ok {
			return path
		}
	}
	return paths[0]
}

func (d *decoder) judgeNetworks(s Spec) {
	const podField, serviceField = "spec.network.podCIDR", "spec.network.serviceCIDR"
	// Both were read by their rule already.
	pods, services := netip.MustParsePrefix(s.Network.PodCIDR), netip.MustParsePrefix(s.Network.ServiceCIDR)
	if pods.Overlaps(services) {
		d.about(d.given(serviceField, podField), "pods (%s) and services (%s) must not have the same addresses", pods, services)
	}
	if pods.Addr().Is4() != services.Addr().Is4() {
		d.about(d.given(serviceField, podField), "pods (%s) and services (%s) must both be IPv4 or both be IPv6", pods, services)
	}
	nodeMask, smallest := nodeMask4, 8
	if pods.Addr().Is6() {
		nodeMask, smallest = nodeMask6, 48
	}
	if pods.Bits() > nodeMask || pods.Bits() < smallest {
		d.about(podField, "%s must be from /%d to /%d: every node gets a /%d of it", pods, smallest, nodeMask, nodeMask)
	}
	bits := services.Addr().BitLen()
	if services.Bits() < bits-serviceMax || services.Bits() > bits-serviceMin {
		d.about(serviceField, "%s must be from /%d to /%d", services, bits-serviceMax, bits-serviceMin)
	}
	if s.API.Address == "" {
		return
	}
	address := netip.MustParseAddr(s.API.Address)
	for name, network := range map[string]netip.Prefix{podField: pods, serviceField: services} {
		if network.Contains(address) {
			d.about("spec.api.address", "%s lies in %s (%s), which is the cluster's own", address, name, network)
		}
	}
}

func (d *decoder) judgePorts(s Spec) {
	type port struct {
		field  string
		number int
	}
	seen := make(map[int]string)
	for _, p := range []port{
		{"spec.api.port", s.API.Port},
		{"spec.konnectivity.adminPort", s.Konnectivity.AdminPort},
		{"spec.konnectivity.adminPort", s.Konnectivity.AdminPort + 1},
		{"spec.konnectivity.adminPort", s.Konnectivity.AdminPort + 2},
		{"spec.konnectivity.agentPort", s.Konnectivity.AgentPort},
	} {
		if other, taken := seen[p.number]; taken {
			d.about(d.given(p.field, other), "port %d is needed for %s and for %s", p.number, other, p.field)
		}
		seen[p.number] = p.field
	}
}

func (d *decoder) judgeGates(gates []FeatureGate) {
	seen := make(map[string]bool)
	for i, gate := range gates {
		components := gate.Components
		if len(components) == 0 {
			components = choicesNamed("gated")
		}
		for _, component := range components {
			if seen[gate.Name+" "+component] {
				d.about(fmt.Sprintf("spec.featureGates[%d]", i), "%s is chosen for %s already", gate.Name, component)
				break
			}
			seen[gate.Name+" "+component] = true
		}
	}
}
