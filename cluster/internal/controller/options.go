// Package controller puts a control plane together: it decides what runs, as
// whom, in which order, and nothing else.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"kedge/internal/argv"
	"kedge/internal/bootstrap"
	"kedge/internal/config"
	"kedge/internal/layout"
	"kedge/internal/role"
	"kedge/internal/token"
)

// Options are what the command line says.
type Options struct {
	Layout layout.Layout
	Config config.ClusterConfig
	// Disabled are components that shall not run.
	Disabled []string
	// Node adds a worker to this machine; nil: a controller runs no workload. It
	// is given how the machine gets the right to join, and what must be ready.
	Node func(plane *role.Plane, join func(context.Context) (token.Join, error), needs ...string) error
	// Role is what the running kedge calls itself.
	Role string
	// NewCluster permits an empty database where there was a cluster.
	NewCluster bool
	// Version and Kubernetes are this build's.
	Version    string
	Kubernetes string
	Log        *slog.Logger
	// RecentLog is the end of what Log wrote.
	RecentLog func() []byte
	// Works is called when everything has served for a while.
	Works func()
}

// Optional are the components that a control plane can do without.
func Optional() []string {
	return append([]string{argv.KonnectivityServer, argv.KubeControllerManager, argv.KubeScheduler}, bootstrap.Optional()...)
}

// cluster is what the components' command lines are made of.
func (o Options) cluster() (argv.Cluster, error) {
	spec := o.Config.Spec
	pods, err := netip.ParsePrefix(spec.Network.PodCIDR)
	if err != nil {
		return argv.Cluster{}, fmt.Errorf("spec.network.podCIDR: %w", err)
	}
	services, err := netip.ParsePrefix(spec.Network.ServiceCIDR)
	if err != nil {
		return argv.Cluster{}, fmt.Errorf("spec.network.serviceCIDR: %w", err)
	}
	address, err := o.ownAddress(pods, services)
	if err != nil {
		return argv.Cluster{}, err
	}
	c := argv.Cluster{
		Address: address, Port: spec.API.Port, AgentPort: spec.Konnectivity.AgentPort, AdminPort: spec.Konnectivity.AdminPort,
		NotReady:    time.Duration(spec.DefaultTolerations.NotReadySeconds) * time.Second,
		Unreachable: time.Duration(spec.DefaultTolerations.UnreachableSeconds) * time.Second,
		Pods:        []netip.Prefix{pods}, Services: []netip.Prefix{services},
		Storage: argv.StorageType(spec.Storage.Type), Database: argv.Database(spec.Storage.Kine),
		SeparateStores: spec.Executables[argv.Kine] != "",
		Tunnel:         !o.isDisabled(argv.KonnectivityServer), Ports: argv.DefaultPorts(),
		FeatureGates: make(map[string]map[string]bool),
		ExtraArgs: map[string]map[string]string{
			argv.Etcd:                  spec.Storage.Etcd.ExtraArgs,
			argv.KubeAPIServer:         spec.API.ExtraArgs,
			argv.KubeControllerManager: spec.ControllerManager.ExtraArgs,
			argv.KubeScheduler:         spec.Scheduler.ExtraArgs,
		},
	}
	for _, name := range []string{argv.KubeAPIServer, argv.KubeControllerManager, argv.KubeScheduler} {
		c.FeatureGates[name] = spec.FeatureGatesOf(name)
	}
	c.Ports.KonnectivityHealth, c.Ports.MetricsServer = c.AdminPort+1, c.AdminPort+2
	c.Ports.ControllerManager = securePort(spec.ControllerManager, c.Ports.ControllerManager)
	c.Ports.Scheduler = securePort(spec.Scheduler, c.Ports.Scheduler)
	return c, nil
}

// securePort is where a component is asked whether it is well: the user may
// have moved it.
func securePort(extra config.Extra, port int) int {
	if moved, err := strconv.Atoi(extra.ExtraArgs["secure-port"]); err == nil {
		return moved
	}
	return port
}

func (o Options) isDisabled(name string) bool { return slices.Contains(o.Disabled, name) }

// ownAddress is the one that is configured, or else the one of this machine. A
// machine without a network that is a node, too, is reached by itself alone.
func (o Options) ownAddress(pods, services netip.Prefix) (netip.Addr, error) {
	if configured := o.Config.Spec.API.Address; configured != "" {
		return netip.ParseAddr(configured)
	}
	address, err := role.OwnAddress(pods, services)
	switch {
	case errors.Is(err, role.ErrNoAddress) && o.Node != nil:
		return argv.Cluster{Services: []netip.Prefix{services}}.APIAddress(), nil
	case err != nil:
		return address, fmt.Errorf("%w; set spec.api.address", err)
	}
	return address, nil
}

// names and addresses are how clients and nodes reach the API server and the tunnel.
func (o Options) names(c argv.Cluster) ([]string, []net.IP) {
	names := []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + o.Config.Spec.Network.ClusterDomain, "localhost",
	}
	addresses := []netip.Addr{netip.MustParseAddr(argv.Loopback), netip.IPv6Loopback(), c.APIAddress(), c.Address}
	further := slices.Clone(o.Config.Spec.API.SANs)
	if host, err := os.Hostname(); err == nil {
		further = append(further, host)
	}
	for _, name := range append(further, o.Config.Spec.API.ExternalAddress) {
		address, err := netip.ParseAddr(name)
		switch {
		case err == nil && !slices.Contains(addresses, address):
			addresses = append(addresses, address)
		case err != nil && name != "" && !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	ips := make([]net.IP, 0, len(addresses))
	for _, address := range addresses {
		ips = append(ips, address.AsSlice())
	}
	return names, ips
}
