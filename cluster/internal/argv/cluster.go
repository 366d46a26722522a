// Package argv knows the command lines of the components. Every function is
// pure: the same cluster and directories give the same arguments.
package argv

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The names of the components, which are those of upstream's executables.
const (
	Kine                  = "kine"
	VolatileKine          = "kine-volatile"
	Etcd                  = "etcd"
	KubeAPIServer         = "kube-apiserver"
	KubeControllerManager = "kube-controller-manager"
	KubeScheduler         = "kube-scheduler"
	KonnectivityServer    = "konnectivity-server"
	MetricsServer         = "metrics-server"
)

// Loopback is where components listen that nobody outside needs.
const Loopback = "127.0.0.1"

// Ports on loopback.
const (
	ControllerManagerPort  = 10257 // upstream's
	SchedulerPort          = 10259 // upstream's
	konnectivityHealthPort = 8134
	metricsServerPort      = 8135
	etcdClientPort         = 2379
	etcdPeerPort           = 2380
)

// RelayPort is where every node passes on what pods say to the API server, at
// the address of the service "kubernetes".
const RelayPort = 6443

// ContactPort is where every node tells its pods, at the same address, whether it
// hears of its controller.
const ContactPort = 10266

// Issuer is who issues the tokens of service accounts.
const Issuer = "https://kubernetes.default.svc"

// StorageType is what keeps the state.
type StorageType string

// The kinds of storage.
const (
	KineStorage StorageType = "kine"
	EtcdStorage StorageType = "etcd"
)

// Cluster is what the components must agree on.
type Cluster struct {
	// Address is this controller's own, which others reach it at.
	Address netip.Addr
	// Port is the API server's; AgentPort is where nodes open the tunnel.
	Port      int
	AgentPort int
	AdminPort int

	Pods     []netip.Prefix
	Services []netip.Prefix

	Storage StorageType
	// Database is kine's.
	Database Database
	// SeparateStores says that kine is the user's own, which keeps one store.
	SeparateStores bool

	// NotReady and Unreachable are how long pods stay on a node that is so.
	NotReady, Unreachable time.Duration

	// FeatureGates are the user's, by component.
	FeatureGates map[string]map[string]bool
	// ExtraArgs are the user's, by component and by flag; they come last.
	ExtraArgs map[string]map[string]string
	// Issued are the authorities for which an issuer signs, since their own keys
	// are kept elsewhere.
	Issued []string
	// Tunnel says that there is a tunnel to the nodes.
	Tunnel bool
	// Ports are the ports on loopback, which tests move.
	Ports Ports
}

// Database is what kine keeps the state in.
type Database struct {
	// DataSource is how to reach it; empty is SQLite in the data directory.
	DataSource string
	// CAFile is who signed the server's certificate; CertFile and KeyFile are
	// how kine presents itself.
	CAFile, CertFile, KeyFile string
}

// Ports are the loopback ports of components.
type Ports struct {
	ControllerManager  int
	Scheduler          int
	KonnectivityHealth int
	MetricsServer      int
	EtcdClient         int
	EtcdPeer           int
}

// DefaultPorts are the ports that upstream's documentation knows.
func DefaultPorts() Ports {
	return Ports{
		ControllerManager: ControllerManagerPort, Scheduler: SchedulerPort, KonnectivityHealth: konnectivityHealthPort, MetricsServer: metricsServerPort,
		EtcdClient: etcdClientPort, EtcdPeer: etcdPeerPort,
	}
}

// arguments are flags by name. Order means nothing to the components, so they
// are sorted, and the user's simply replace kedge's.
type arguments map[string]string

func (a arguments) list(extra map[string]string) []string {
	merged := maps.Clone(a)
	maps.Copy(merged, extra)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		list = append(list, "--"+name+"="+merged[name])
	}
	return list
}

func (a arguments) pair(prefixCertificate, prefixKey string, certificate, key string) {
	a[prefixCertificate] = certificate
	a[prefixKey] = key
}

// featureGates joins kedge's own and the user's, which win.
func (c Cluster) featureGates(component string, own map[string]bool) string {
	gates := maps.Clone(own)
	if gates == nil {
		gates = make(map[string]bool)
	}
	maps.Copy(gates, c.FeatureGates[component])
	var list []string
	for _, name := range slices.Sorted(maps.Keys(gates)) {
		list = append(list, name+"="+strconv.FormatBool(gates[name]))
	}
	return strings.Join(list, ",")
}

func (a arguments) setGates(gates string) {
	if gates != "" {
		a["feature-gates"] = gates
	}
}

func joinPrefixes(prefixes []netip.Prefix) string {
	var list []string
	for _, prefix := range prefixes {
		list = append(list, prefix.String())
	}
	return strings.Join(list, ",")
}

// APIAddress is the address of the service "kubernetes", the first of all.
func (c Cluster) APIAddress() netip.Addr { return c.Services[0].Masked().Addr().Next() }
