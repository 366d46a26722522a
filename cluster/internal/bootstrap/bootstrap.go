// Package bootstrap is what every cluster has before anybody adds to it, as
// stacks of manifests.
package bootstrap

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"path"
	"slices"
	"testing/fstest" // for its file system in memory
	"text/template"

	"kedge/internal/tunnel"
	"kedge/internal/workerconfig"
)

//go:embed rbac dns metrics network networkpolicy plans proxy workers
var files embed.FS

// Names of the stacks that a cluster can do without, as --disable-components
// has them.
const (
	DNS           = "coredns"
	Metrics       = "metrics-server"
	Network       = "network-provider"
	NetworkPolicy = "network-policy"
	Proxy         = "kube-proxy"
)

// Cluster is what manifests depend on.
type Cluster struct {
	Services netip.Prefix
	// Authority, in PEM, signed the certificates of what runs on controllers.
	Authority []byte
	// Disabled are the stacks that are not wanted.
	Disabled []string
	// Workers is what workers are told, by profile.
	Workers map[string]workerconfig.Config
}

// Optional are the stacks that a cluster can do without.
func Optional() []string { return []string{DNS, Metrics, Proxy, Network, NetworkPolicy} }

// Stacks are by name. The names begin with "kedge-", to leave others to users.
func Stacks(c Cluster) (map[string]fs.FS, error) {
	values, err := c.values()
	if err != nil {
		return nil, err
	}
	stacks := make(map[string]fs.FS)
	for name, directory := range c.directories() {
		if stacks[name], err = render(directory, values); err != nil {
			return nil, fmt.Errorf("make the manifests of %s: %w", name, err)
		}
	}
	return stacks, nil
}

// directories are those of the stacks that are wanted.
func (c Cluster) directories() map[string]string {
	wanted := map[string]string{"kedge-plans": "plans", "kedge-rbac": "rbac", "kedge-worker": "workers"}
	for component, stack := range map[string]struct{ name, directory string }{
		DNS:           {"kedge-dns", "dns"},
		Metrics:       {"kedge-metrics", "metrics"},
		Proxy:         {"kedge-proxy", "proxy"},
		Network:       {"kedge-network", "network"},
		NetworkPolicy: {"kedge-network-policy", "networkpolicy"},
	} {
		if !slices.Contains(c.Disabled, component) {
			wanted[stack.name] = stack.directory
		}
	}
	return wanted
}

// values are what the manifests leave open.
type values struct {
	AddressType     string
	AuthorityBase64 string
	DNSAddress      string
	MetricsHost     string
	Workers         []worker
}

// worker is the ConfigMap of one profile.
type worker struct {
	ConfigMap, Key string
	Document       string // a string of JSON, which is one of YAML
}

func (c Cluster) values() (values, error) {
	workers, err := c.workers()
	family := "IPv4"
	if c.Services.Addr().Is6() {
		family = "IPv6"
	}
	return values{
		AddressType: family, AuthorityBase64: base64.StdEncoding.EncodeToString(c.Authority),
		DNSAddress: DNSAddress(c.Services).String(), MetricsHost: tunnel.Metrics, Workers: workers,
	}, err
}

func (c Cluster) workers() ([]worker, error) {
	var workers []worker
	for _, profile := range slices.Sorted(maps.Keys(c.Workers)) {
		document, err := c.Workers[profile].Encode()
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", profile, err)
		}
		quoted, err := json.Marshal(string(document))
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", profile, err)
		}
		workers = append(workers, worker{ConfigMap: workerconfig.ConfigMap(profile), Key: workerconfig.Key, Document: string(quoted)})
	}
	return workers, nil
}

// DNSAddress is the tenth of the services' addresses, where everybody looks for it.
func DNSAddress(services netip.Prefix) netip.Addr {
	const tenth = 10
	address := services.Masked().Addr()
	for range tenth {
		address = address.Next()
	}
	return address
}

func render(directory string, v values) (fs.FS, error) {
	entries, err := files.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	rendered := make(fstest.MapFS)
	for _, entry := range entries {
		content, err := template.New(entry.Name()).ParseFS(files, path.Join(directory, entry.Name()))
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := content.Execute(&out, v); err != nil {
			return nil, err
		}
		rendered[entry.Name()] = &fstest.MapFile{Data: out.Bytes(), Mode: 0o444}
	}
	return rendered, nil
}
