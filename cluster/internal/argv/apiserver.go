package argv

import (
	"strconv"
	"strings"
	"time"

	"kedge/internal/layout"
)

// StopTimeout is how long a component may take to end when it is asked to.
const StopTimeout = 30 * time.Second

// watchGrace is how long the API server waits for its watches when it stops. It
// must be done before StopTimeout.
const watchGrace = StopTimeout - 20*time.Second

// KubeAPIServerArgs is the API server of a single controller.
func KubeAPIServerArgs(c Cluster, l layout.Layout) []string {
	args := arguments{
		"admission-control-config-file":          l.Admission(),
		"advertise-address":                      c.Address.String(),
		"allow-privileged":                       "true",
		"authentication-config":                  l.Authentication(),
		"client-ca-file":                         l.Accepted("client-ca"),
		"default-not-ready-toleration-seconds":   seconds(c.NotReady),
		"default-unreachable-toleration-seconds": seconds(c.Unreachable),
		"enable-admission-plugins":               "NodeRestriction",
		"enable-bootstrap-token-auth":            "true",
		"encryption-provider-config":             l.Encryption(),
		// The reconciler would write a row every ten seconds, for a set of
		// controllers that has one member.
		"endpoint-reconciler-type":                "none",
		"profiling":                               "false",
		"secure-port":                             strconv.Itoa(c.Port),
		"service-cluster-ip-range":                joinPrefixes(c.Services),
		"shutdown-watch-termination-grace-period": watchGrace.String(),
		"tls-min-version":                         "VersionTLS12",
	}
	args.serviceAccounts(c, l)
	args.nodes(c, l)
	args.frontProxy(l)
	args.storage(c, l)
	args.audit(c.ExtraArgs[KubeAPIServer], l)
	args.authorization(c.ExtraArgs[KubeAPIServer], l)
	serving := l.Pair("server")
	args.pair("tls-cert-file", "tls-private-key-file", serving.Certificate, serving.Key)
	// Servers of different versions would tell each other what they serve, and
	// that they are there, every ten seconds.
	args.setGates(c.featureGates(KubeAPIServer, map[string]bool{"UnknownVersionInteroperabilityProxy": false}))
	return args.list(c.ExtraArgs[KubeAPIServer])
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// audit gives a policy and bounds to an audit log that the user asked for by
// naming its file; each of them can be set as well.
func (a arguments) audit(extra map[string]string, l layout.Layout) {
	if extra["audit-log-path"] == "" {
		return
	}
	a["audit-policy-file"] = l.AuditPolicy()
	a["audit-log-maxsize"] = "10" // MB
	a["audit-log-maxbackup"] = "3"
}

// authorization is read again when it changes. Whoever chooses modes has others
// decide, and nodes that were revoked are refused no request then.
func (a arguments) authorization(extra map[string]string, l layout.Layout) {
	if extra["authorization-mode"] == "" {
		a["authorization-config"] = l.Authorization()
	}
}

func (a arguments) serviceAccounts(c Cluster, l layout.Layout) {
	a["service-account-issuer"] = Issuer
	a["service-account-key-file"] = l.ServiceAccountKey()
	a["service-account-signing-key-file"] = l.ServiceAccountKey()
	if c.Tunnel {
		a["api-audiences"] = Issuer + ",system:konnectivity-server"
	}
}

// nodes is how the API server reaches kubelets: by their names, because their
// addresses may exist at several sites.
func (a arguments) nodes(c Cluster, l layout.Layout) {
	client := l.Pair("apiserver-kubelet-client")
	a.pair("kubelet-client-certificate", "kubelet-client-key", client.Certificate, client.Key)
	a["kubelet-certificate-authority"] = l.Accepted("kubelet-serving-ca")
	a["kubelet-preferred-address-types"] = "Hostname"
	if c.Tunnel {
		a["egress-selector-config-file"] = l.EgressSelector()
	}
}

// frontProxy is how servers of further APIs know that the API server calls.
func (a arguments) frontProxy(l layout.Layout) {
	client := l.Pair("front-proxy-client")
	a.pair("proxy-client-cert-file", "proxy-client-key-file", client.Certificate, client.Key)
	a["requestheader-client-ca-file"] = l.Certificate("front-proxy-ca")
	a["requestheader-allowed-names"] = "front-proxy-client"
	a["requestheader-username-headers"] = "X-Remote-User"
	a["requestheader-group-headers"] = "X-Remote-Group"
	a["requestheader-extra-headers-prefix"] = "X-Remote-Extra-"
}

// storage leads to etcd, or to both kines. etcd keeps what lives for seconds as
// well: it is chosen where several controllers must see the same leases.
func (a arguments) storage(c Cluster, l layout.Layout) {
	if c.Storage == EtcdStorage {
		client := l.Pair("etcd/client")
		a["etcd-servers"] = "https://" + c.EtcdEndpoint()
		a["etcd-cafile"] = l.Certificate("etcd/ca")
		a.pair("etcd-certfile", "etcd-keyfile", client.Certificate, client.Key)
		return
	}
	volatile := "#unix://" + l.VolatileSocket()
	a["etcd-servers"] = "unix://" + l.KineSocket()
	a["etcd-servers-overrides"] = strings.Join([]string{"coordination.k8s.io/leases" + volatile, "/events" + volatile}, ",")
}
