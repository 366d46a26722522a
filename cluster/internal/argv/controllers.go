package argv

import (
	"net"
	"slices"
	"strconv"
	"time"

	"kedge/internal/layout"
	"kedge/internal/tunnel"
)

// NodeCertificateLife is how long nodes' certificates are good for at most. Who is
// away for longer enrols again.
const NodeCertificateLife = 30 * 24 * time.Hour

// KubeControllerManagerArgs is the controller manager beside the only API server.
func KubeControllerManagerArgs(c Cluster, l layout.Layout) []string {
	args := clientArguments(l.Kubeconfig("controller-manager"), c.Ports.ControllerManager)
	args["allocate-node-cidrs"] = "true"
	args["client-ca-file"] = l.Accepted("client-ca")
	args["cluster-cidr"] = joinPrefixes(c.Pods)
	args["cluster-signing-duration"] = NodeCertificateLife.String()
	args["controllers"] = "*,bootstrap-signer-controller,token-cleaner-controller"
	args["requestheader-client-ca-file"] = l.Certificate("front-proxy-ca")
	args["root-ca-file"] = l.Certificate("ca")
	args["service-account-private-key-file"] = l.ServiceAccountKey()
	args["service-cluster-ip-range"] = joinPrefixes(c.Services)
	args["use-service-account-credentials"] = "true"
	// Every signer has the authority of its purpose, so that a certificate is
	// good for one thing alone.
	clients, serving := c.signer(l, "client-ca"), c.signer(l, "kubelet-serving-ca")
	args.pair("cluster-signing-kube-apiserver-client-cert-file", "cluster-signing-kube-apiserver-client-key-file", clients.Certificate, clients.Key)
	args.pair("cluster-signing-kubelet-client-cert-file", "cluster-signing-kubelet-client-key-file", clients.Certificate, clients.Key)
	args.pair("cluster-signing-kubelet-serving-cert-file", "cluster-signing-kubelet-serving-key-file", serving.Certificate, serving.Key)
	args.setGates(c.featureGates(KubeControllerManager, nil))
	return args.list(c.ExtraArgs[KubeControllerManager])
}

// signer is who signs for an authority.
func (c Cluster) signer(l layout.Layout, authority string) layout.Pair {
	if slices.Contains(c.Issued, authority) {
		return l.Issuer(authority)
	}
	return l.Pair(authority)
}

// KubeSchedulerArgs is the scheduler beside the only API server.
func KubeSchedulerArgs(c Cluster, l layout.Layout) []string {
	args := clientArguments(l.Kubeconfig("scheduler"), c.Ports.Scheduler)
	args["client-ca-file"] = l.Accepted("client-ca")
	args["requestheader-client-ca-file"] = l.Certificate("front-proxy-ca")
	args.setGates(c.featureGates(KubeScheduler, nil))
	return args.list(c.ExtraArgs[KubeScheduler])
}

func clientArguments(kubeconfig string, port int) arguments {
	return arguments{
		"kubeconfig":                kubeconfig,
		"authentication-kubeconfig": kubeconfig,
		"authorization-kubeconfig":  kubeconfig,
		"bind-address":              Loopback,
		"secure-port":               strconv.Itoa(port),
		"leader-elect":              "false", // there is one; a lease would be written every two seconds
		"profiling":                 "false",
	}
}

// KonnectivityServerArgs is the controller's end of the tunnel. The API server
// comes through a Unix socket, nodes with certificates of an authority of their own.
func KonnectivityServerArgs(c Cluster, l layout.Layout) []string {
	serving := l.Pair("konnectivity-server")
	args := arguments{
		"admin-bind-address":  Loopback,
		"admin-port":          strconv.Itoa(c.AdminPort),
		"agent-port":          strconv.Itoa(c.AgentPort),
		"cluster-ca-cert":     l.Accepted("konnectivity-ca"),
		"health-bind-address": Loopback,
		"health-port":         strconv.Itoa(c.Ports.KonnectivityHealth),
		"mode":                "grpc",
		"proxy-strategies":    "destHost,default",
		"refused-nodes":       l.RefusedNodes(),
		"server-port":         "0",
		"uds-name":            l.TunnelSocket(),
	}
	args.pair("cluster-cert", "cluster-key", serving.Certificate, serving.Key)
	return args.list(c.ExtraArgs[KonnectivityServer])
}

// metricsResolution is how often kubelets are asked: as often as upstream's
// manifest does. Each answer of a small node has a few kilobytes.
const metricsResolution = "15s"

// MetricsServerArgs is what asks kubelets for the CPU and memory of pods. It
// reaches them by name, like the API server, and is reached like a node.
func MetricsServerArgs(c Cluster, l layout.Layout) []string {
	kubeconfig := l.Kubeconfig("metrics-server")
	client, serving, agent := l.Pair("metrics-server"), l.Pair("metrics-server-serving"), l.Pair("metrics-server-agent")
	args := arguments{
		"authentication-kubeconfig":       kubeconfig,
		"authorization-kubeconfig":        kubeconfig,
		"bind-address":                    Loopback,
		"kubeconfig":                      kubeconfig,
		"kubelet-certificate-authority":   l.Accepted("kubelet-serving-ca"),
		"kubelet-preferred-address-types": "Hostname",
		"kubelet-use-node-status-port":    "true",
		"metric-resolution":               metricsResolution,
		"secure-port":                     strconv.Itoa(c.Ports.MetricsServer),
		"tunnel-ca":                       l.Certificate("ca"),
		"tunnel-name":                     tunnel.Metrics,
		"tunnel-server":                   net.JoinHostPort(Loopback, strconv.Itoa(c.AgentPort)),
		"tunnel-socket":                   l.TunnelSocket(),
	}
	args.pair("kubelet-client-certificate", "kubelet-client-key", client.Certificate, client.Key)
	args.pair("tls-cert-file", "tls-private-key-file", serving.Certificate, serving.Key)
	args.pair("tunnel-certificate", "tunnel-key", agent.Certificate, agent.Key)
	return args.list(c.ExtraArgs[MetricsServer])
}
