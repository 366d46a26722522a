package nodeconfig

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// zoneLabel is what a site is to Kubernetes.
const zoneLabel = "topology.kubernetes.io/zone"

// judge finds what must hold between keys, each of which is right by itself.
type judge struct {
	config Config
	note   func(path keyPath, text string)
}

func (j judge) all() {
	j.joining()
	j.files()
	j.labels()
	j.taints()
	for _, name := range slices.Sorted(maps.Keys(j.config.Network.Interfaces)) {
		j.network(name, j.config.Network.Interfaces[name])
	}
	if proxy := j.config.Network.Proxy; proxy != nil && proxy.HTTP == "" && proxy.HTTPS == "" {
		j.note(keyPath{"network", "proxy"}, "names no proxy: give http, https or both")
	}
}

func (j judge) joining() {
	c := j.config
	if c.Credential != "" && c.Name == "" {
		j.note(keyPath{"name"}, "is required: a credential is for one node alone")
	}
	if c.controls() {
		for key, given := range map[string]bool{"endpoints": len(c.Endpoints) > 0, "discovery": c.Discovery} {
			if given {
				j.note(keyPath{key}, fmt.Sprintf("is for workers; a %s is the cluster itself", c.Role))
			}
		}
		if c.Credential != "" && c.Cluster == nil {
			j.note(keyPath{"cluster"}, "is required together with keys of a cluster")
		}
		return
	}
	if c.Config != "" {
		j.note(keyPath{"config"}, "is for controllers; workers are told by theirs")
	}
	if c.Cluster == nil {
		j.note(keyPath{"cluster"}, "is required: a worker must know whom to trust")
	}
	if len(c.Endpoints) == 0 && !c.Discovery {
		j.note(keyPath{"endpoints"}, "is required, or discovery: true")
	}
}

func (j judge) files() {
	for key, name := range map[string]string{"credential": j.config.Credential, "config": j.config.Config} {
		if strings.EqualFold(name, FileName) {
			j.note(keyPath{key}, "is this file itself")
		}
	}
	if j.config.Config != "" && strings.EqualFold(j.config.Config, j.config.Credential) {
		j.note(keyPath{"config"}, "is the same file as credential")
	}
	j.extraFiles()
}

// ownDirectory is first boot's.
const ownDirectory = "/var/lib/device/"

func (j judge) extraFiles() {
	seen := make(map[string]bool)
	for i, file := range j.config.Files {
		path := keyPath{"files", i, "path"}
		if seen[file.Path] {
			j.note(path, "is named twice")
		}
		seen[file.Path] = true
		isBelow := func(other ExtraFile) bool { return strings.HasPrefix(file.Path, other.Path+"/") }
		if slices.ContainsFunc(j.config.Files, isBelow) {
			j.note(path, "is below a path that is a file")
		}
		if strings.HasPrefix(file.Path+"/", ownDirectory) {
			j.note(path, ownDirectory+" is where the device keeps what it was told")
		}
	}
}

// labels refuses what kubelets may not say of themselves
// (k8s.io/kubernetes, pkg/kubelet/apis/well_known_labels.go).
func (j judge) labels() {
	for key := range j.config.Labels {
		domain := key[:max(strings.LastIndexByte(key, '/'), 0)]
		reserved := isOrBelow(domain, "kubernetes.io") || isOrBelow(domain, "k8s.io")
		allowed := key == "topology.kubernetes.io/region" || key == zoneLabel ||
			isOrBelow(domain, "kubelet.kubernetes.io") || isOrBelow(domain, "node.kubernetes.io")
		if reserved && !allowed {
			j.note(keyPath{"labels", key}, key+" is Kubernetes' own, which no node may give itself")
		}
		if j.config.Site != "" && key == zoneLabel {
			j.note(keyPath{"labels", key}, "site says it already")
		}
	}
}

func isOrBelow(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}

func (j judge) taints() {
	seen := make(map[Taint]bool)
	for i, taint := range j.config.Taints {
		same := Taint{Key: taint.Key, Effect: taint.Effect}
		if seen[same] {
			j.note(keyPath{"taints", i}, fmt.Sprintf("%s has the effect %s already", taint.Key, taint.Effect))
		}
		seen[same] = true
	}
}

func (j judge) network(name string, one Interface) {
	path := keyPath{"network", "interfaces", name}
	if !one.AsksForAddress() && len(one.Addresses) == 0 {
		j.note(path.with("addresses"), "is required where dhcp is false")
	}
	if one.Gateway != "" && !one.reaches(one.Gateway) {
		j.note(path.with("gateway"), one.Gateway+" is in none of the networks of addresses")
	}
	if one.VLAN != nil && one.WiFi != nil {
		j.note(path.with("wifi"), "an interface is a tagged network or a wireless one, not both")
	}
	if one.VLAN != nil && one.VLAN.Parent == name {
		j.note(path.with("vlan", "parent"), "is the interface itself")
	}
}

// reaches is asked of what was read as addresses already.
func (i Interface) reaches(gateway string) bool {
	address, err := netip.ParseAddr(gateway)
	return err == nil && slices.ContainsFunc(i.Addresses, func(one string) bool {
		prefix, err := netip.ParsePrefix(one)
		return err == nil && prefix.Masked().Contains(address)
	})
}
