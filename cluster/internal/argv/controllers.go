package argv

import (
	"strconv"

	"kedge/internal/layout"
)

// KubeControllerManagerArgs is the controller manager beside the only API server.
func KubeControllerManagerArgs(c Cluster, l layout.Layout) []string {
	args := clientArguments(l.Kubeconfig("controller-manager"), c.Ports.ControllerManager)
	args["allocate-node-cidrs"] = "true"
	args["client-ca-file"] = l.Certificate("client-ca")
	args["cluster-cidr"] = joinPrefixes(c.Pods)
	args["controllers"] = "*,bootstrap-signer-controller,token-cleaner-controller"
	args["requestheader-client-ca-file"] = l.Certificate("front-proxy-ca")
	args["root-ca-file"] = l.Certificate("ca")
	args["service-account-private-key-file"] = l.ServiceAccountKey()
	args["service-cluster-ip-range"] = joinPrefixes(c.Services)
	args["use-service-account-credentials"] = "true"
	// Every signer has the authority of its purpose, so that a certificate is
	// good for one thing alone.
	clients, serving := l.Pair("client-ca"), l.Pair("kubelet-serving-ca")
	args.pair("cluster-signing-kube-apiserver-client-cert-file", "cluster-signing-kube-apiserver-client-key-file", clients.Certificate, clients.Key)
	args.pair("cluster-signing-kubelet-client-cert-file", "cluster-signing-kubelet-client-key-file", clients.Certificate, clients.Key)
	args.pair("cluster-signing-kubelet-serving-cert-file", "cluster-signing-kubelet-serving-key-file", serving.Certificate, serving.Key)
	args.setGates(c.featureGates(KubeControllerManager, nil))
	return args.list(c.ExtraArgs[KubeControllerManager])
}

// KubeSchedulerArgs is the scheduler beside the only API server.
func KubeSchedulerArgs(c Cluster, l layout.Layout) []string {
	args := clientArguments(l.Kubeconfig("scheduler"), c.Ports.Scheduler)
	args["client-ca-file"] = l.Certificate("client-ca")
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
		"cluster-ca-cert":     l.Certificate("konnectivity-ca"),
		"health-bind-address": Loopback,
		"health-port":         strconv.Itoa(c.Ports.KonnectivityHealth),
		"mode":                "grpc",
		"proxy-strategies":    "destHost,default",
		"server-port":         "0",
		"uds-name":            l.TunnelSocket(),
	}
	args.pair("cluster-cert", "cluster-key", serving.Certificate, serving.Key)
	return args.list(c.ExtraArgs[KonnectivityServer])
}
