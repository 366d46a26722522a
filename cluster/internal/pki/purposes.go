package pki

import (
	"crypto/x509"

	"kedge/internal/tunnel"
)

// The users that components run as; files are given to the one that reads them.
const (
	root              = ""
	userAPIServer     = "kube-apiserver" // the controller manager's too, which signs with the same keys
	userScheduler     = "kube-scheduler"
	userTunnel        = "konnectivity-server"
	userMetrics       = "metrics-server"
	userEtcd          = "etcd"
	groupMasters      = "system:masters"
	authorityAPI      = "ca"
	authorityUsers    = "client-ca"
	authorityKubelets = "kubelet-serving-ca"
	authorityAgent    = "konnectivity-ca"
)

// authority is a certificate authority. Each has one purpose, so that no
// certificate is good for a second one.
type authority struct {
	name  string
	owner string // who signs with it while the cluster runs
}

func authorities() []authority {
	return []authority{
		{authorityAPI, root},               // the API server and the tunnel, as nodes and clients see them
		{authorityUsers, userAPIServer},    // whoever speaks to the API server or to a kubelet
		{authorityKubelets, userAPIServer}, // kubelets, as the API server sees them
		{authorityAgent, root},             // nodes that open the tunnel
		{"front-proxy-ca", root},           // the API server, as servers of further APIs see it
		{"etcd/ca", root},                  // etcd and its clients
	}
}

// leaf is a certificate that an authority signs.
type leaf struct {
	name      string
	authority string
	common    string
	group     string
	usages    []x509.ExtKeyUsage
	owner     string
	// served says that the certificate carries the controller's names and addresses.
	served bool
	// local says that it is good for loopback alone.
	local bool
	// service is the name of a service that it carries.
	service string
}

func leaves() []leaf {
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return []leaf{
		{name: "server", authority: authorityAPI, common: "kube-apiserver", usages: server, owner: userAPIServer, served: true},
		{name: "konnectivity-server", authority: authorityAPI, common: "konnectivity-server", usages: server, owner: userTunnel, served: true},
		{name: "admin", authority: authorityUsers, common: "kubernetes-admin", group: groupMasters, usages: client},
		{name: "controller-manager", authority: authorityUsers, common: "system:kube-controller-manager", usages: client, owner: userAPIServer},
		{name: "scheduler", authority: authorityUsers, common: "system:kube-scheduler", usages: client, owner: userScheduler},
		{name: "apiserver-kubelet-client", authority: authorityUsers, common: "kube-apiserver-kubelet-client", usages: client, owner: userAPIServer},
		{name: "front-proxy-client", authority: "front-proxy-ca", common: "front-proxy-client", usages: client, owner: userAPIServer},
		{name: "metrics-server", authority: authorityUsers, common: "system:metrics-server", usages: client, owner: userMetrics},
		{name: "metrics-server-serving", authority: authorityAPI, common: "metrics-server", usages: server, owner: userMetrics, service: "metrics-server.kube-system.svc"},
		{name: "metrics-server-agent", authority: authorityAgent, common: tunnel.Metrics, usages: client, owner: userMetrics},
		{name: "etcd/server", authority: "etcd/ca", common: "etcd", usages: both, owner: userEtcd, local: true},
		{name: "etcd/client", authority: "etcd/ca", common: "kube-apiserver", usages: client, owner: userAPIServer},
	}
}
