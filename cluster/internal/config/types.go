// Package config reads what a cluster shall be: a ClusterConfig. The types here
// are the only place that knows its fields: decoding, JSON Schema and reference
// are made of them and of their tags.
//
// The tags: `rule` names what a value must be (see rules.go), for maps and lists
// what each of their values must be; `keys` what the keys of a map must be;
// `required` marks what cannot be left out; `doc` tells users what it is.
package config

// The only document that there is.
const (
	APIVersion = "kedge/v1"
	Kind       = "ClusterConfig"
)

// FlannelProvider is the network that kedge carries.
const FlannelProvider = "flannel"

// ClusterConfig is the file that `kedge controller --config` takes.
type ClusterConfig struct {
	APIVersion string   `yaml:"apiVersion" rule:"apiVersion" required:"true" doc:"The version of this form."`
	Kind       string   `yaml:"kind" rule:"kind" required:"true" doc:"The kind of this document."`
	Metadata   Metadata `yaml:"metadata,omitempty" doc:"What the cluster is called."`
	Spec       Spec     `yaml:"spec,omitempty" doc:"What the cluster shall be."`
}

// Metadata names the cluster.
type Metadata struct {
	Name string `yaml:"name,omitempty" rule:"name" doc:"The cluster's name in kubeconfigs."`
}

// Spec is what can be chosen.
type Spec struct {
	API                API                `yaml:"api,omitempty" doc:"How the API server is reached."`
	Storage            Storage            `yaml:"storage,omitempty" doc:"What keeps the cluster's state."`
	Network            Network            `yaml:"network,omitempty" doc:"Addresses and names inside the cluster."`
	DefaultTolerations DefaultTolerations `yaml:"defaultTolerations,omitempty" doc:"How long pods stay on a node that the controller does not hear of, where they do not say it themselves."`
	ControllerManager  Extra              `yaml:"controllerManager,omitempty" doc:"The controller manager."`
	Scheduler          Extra              `yaml:"scheduler,omitempty" doc:"The scheduler."`
	Konnectivity       Konnectivity       `yaml:"konnectivity,omitempty" doc:"The tunnel that workers open to the controller."`
	WorkerProfiles     []WorkerProfile    `yaml:"workerProfiles,omitempty" doc:"Settings of kubelets, which a worker chooses by name with --profile."`
	Images             Images             `yaml:"images,omitempty" doc:"The images that kedge itself starts."`
	FeatureGates       []FeatureGate      `yaml:"featureGates,omitempty" doc:"Features of Kubernetes that are switched on or off."`
	Executables        map[string]string  `yaml:"executables,omitempty" keys:"executable" rule:"path" doc:"Executables of your own instead of what kedge carries: absolute paths by component."`
}

// API is how the API server is reached.
type API struct {
	Address         string            `yaml:"address,omitempty" rule:"address" doc:"The controller's own IP address. Without it, the one from which it reaches others."`
	ExternalAddress string            `yaml:"externalAddress,omitempty" rule:"host" doc:"Name or address under which clients and workers reach the API, such as a load balancer's."`
	Port            int               `yaml:"port,omitempty" rule:"port" doc:"The API's port."`
	SANs            []string          `yaml:"sans,omitempty" rule:"host" doc:"Further names and addresses in the API server's certificate."`
	Announce        bool              `yaml:"announce,omitempty" doc:"Tell the local network by DNS-SD where the API is (_kedge._tcp), under a hash of its authority and no other name."`
	ExtraArgs       map[string]string `yaml:"extraArgs,omitempty" keys:"flag" doc:"Flags of kube-apiserver, without the dashes in front; they replace kedge's."`
}

// Storage is what keeps the state: kine on a database, or etcd.
type Storage struct {
	Type string `yaml:"type,omitempty" rule:"storage" doc:"kine keeps the state in SQLite or another database, etcd in etcd."`
	Kine Kine   `yaml:"kine,omitempty" doc:"Where kine keeps the state."`
	Etcd Etcd   `yaml:"etcd,omitempty" doc:"How etcd runs."`
}

// Kine names the database.
type Kine struct {
	DataSource string `yaml:"dataSource,omitempty" rule:"dataSource" doc:"The database, such as postgres://user:password@host/database or mysql://user:password@tcp(host)/database. Without it, SQLite in the data directory."`
	CAFile     string `yaml:"caFile,omitempty" rule:"path" doc:"The certificate of who signed the database server's. With it, kine asks for TLS and verifies the server."`
	CertFile   string `yaml:"certFile,omitempty" rule:"path" doc:"The certificate with which kine presents itself to the database server."`
	KeyFile    string `yaml:"keyFile,omitempty" rule:"path" doc:"The key of certFile."`
}

// Etcd is how etcd runs.
type Etcd struct {
	ExtraArgs map[string]string `yaml:"extraArgs,omitempty" keys:"flag" doc:"Flags of etcd, without the dashes in front; they replace kedge's."`
}

// Network is the addresses inside the cluster.
type Network struct {
	Provider      string    `yaml:"provider,omitempty" rule:"provider" doc:"flannel connects pods with each other; custom leaves that to manifests of yours."`
	PodCIDR       string    `yaml:"podCIDR,omitempty" rule:"cidr" doc:"The network of pods."`
	ServiceCIDR   string    `yaml:"serviceCIDR,omitempty" rule:"cidr" doc:"The network of services."`
	ClusterDomain string    `yaml:"clusterDomain,omitempty" rule:"domain" doc:"The domain of services' names."`
	Flannel       Flannel   `yaml:"flannel,omitempty" doc:"How flannel connects nodes."`
	KubeProxy     KubeProxy `yaml:"kubeProxy,omitempty" doc:"How services are reached."`
}

// Flannel is how pods of different nodes reach each other.
type Flannel struct {
	Backend string `yaml:"backend,omitempty" rule:"backend" doc:"host-gw needs all nodes in one Ethernet; vxlan does not; wireguard encrypts as well."`
}

// KubeProxy is how services are reached.
type KubeProxy struct {
	Disabled bool   `yaml:"disabled,omitempty" doc:"Run no kube-proxy: something else makes services reachable."`
	Mode     string `yaml:"mode,omitempty" rule:"proxyMode" doc:"What kube-proxy programs."`
}

// Extra is further arguments of a component.
type Extra struct {
	ExtraArgs map[string]string `yaml:"extraArgs,omitempty" keys:"flag" doc:"Its flags, without the dashes in front; they replace kedge's."`
}

// DefaultTolerations are for pods that have none of their own.
type DefaultTolerations struct {
	NotReadySeconds    int `yaml:"notReadySeconds,omitempty" rule:"seconds" doc:"For a node that says that it is not ready."`
	UnreachableSeconds int `yaml:"unreachableSeconds,omitempty" rule:"seconds" doc:"For a node that says nothing. Its pods go on meanwhile, and are the same when it is back; after that they are replaced on other nodes, and end when it is back."`
}

// Konnectivity is the ports of the tunnel.
type Konnectivity struct {
	AgentPort int `yaml:"agentPort,omitempty" rule:"tunnelPort" doc:"Where workers open the tunnel. The server takes no port from 49152 on."`
	AdminPort int `yaml:"adminPort,omitempty" rule:"tunnelPort" doc:"Where the tunnel's server shows metrics, on loopback. The next port tells its health, and the one after that is metrics-server's."`
}

// WorkerProfile is settings of kubelets.
type WorkerProfile struct {
	Name   string         `yaml:"name" rule:"name" required:"true" doc:"What --profile calls it. default, small (about 1 GB of memory) and tiny (512 MB and less) are there already: a profile of such a name lies over kedge's, others lie over default."`
	Values map[string]any `yaml:"values,omitempty" keys:"kubeletField" doc:"Fields of a KubeletConfiguration; kedge sets apiVersion, kind, clusterDNS, clusterDomain and staticPodURL itself."`
}

// Images are those that kedge itself starts.
type Images struct {
	DefaultPullPolicy string `yaml:"default_pull_policy,omitempty" rule:"pullPolicy" doc:"When an image is pulled that a bundle could have brought."`
	Repository        string `yaml:"repository,omitempty" rule:"repository" doc:"A registry, with an optional path, that replaces the one in the images' names."`
	Pause             Image  `yaml:"pause,omitempty" doc:"The image that holds a pod's namespaces. Without it, the one that kedge was released with."`
}

// Image names an image.
type Image struct {
	Image   string `yaml:"image,omitempty" rule:"image" doc:"Its name, without a tag."`
	Version string `yaml:"version,omitempty" rule:"tag" doc:"Its tag."`
}

// FeatureGate is one feature of Kubernetes.
type FeatureGate struct {
	Name       string   `yaml:"name" rule:"gate" required:"true" doc:"The feature's name."`
	Enabled    bool     `yaml:"enabled,omitempty" doc:"Whether it is on."`
	Components []string `yaml:"components,omitempty" rule:"gated" doc:"Which components it is for. Without it, all that know features."`
}
