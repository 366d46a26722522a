package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kedge/internal/argv"
	"kedge/internal/imagestore"
	"kedge/internal/layout"
	"kedge/internal/role"
)

// oomScore makes the kernel look for pods first. The kubelet and containerd
// choose lower ones themselves.
const oomScore = -900

// encoded makes a component's file.
type encoded = func(argv.Node, layout.Layout) ([]byte, error)

// nftables is kube-proxy's mode that needs no program but nft.
const nftables = "nftables"

func (w *Worker) containerd() *role.Process {
	made := w.process(argv.Containerd, func(argv.Node) ([]string, map[string]encoded) {
		return argv.ContainerdArgs(w.Layout), map[string]encoded{w.Layout.ContainerdConfig(): argv.ContainerdConfig}
	})
	made.Options.Probe = func(ctx context.Context) error {
		store, err := imagestore.Open(ctx, w.Layout.ContainerdSocket())
		if err != nil {
			return err
		}
		return store.Close()
	}
	return made
}

func (w *Worker) kubelet() *role.Process {
	made := w.process(argv.Kubelet, func(n argv.Node) ([]string, map[string]encoded) {
		return argv.KubeletArgs(n, w.Layout), map[string]encoded{w.Layout.KubeletConfig(): argv.KubeletConfig}
	})
	ports := argv.DefaultNodePorts()
	made.Command.Listens = []string{loopback(ports.Kubelet), loopback(ports.KubeletHealth)}
	made.Options.Probe = health(ports.KubeletHealth, "/healthz")
	return made
}

// nodeNetwork is the process of what connects the node's pods.
func (w *Worker) nodeNetwork() *role.Shared {
	made := w.NewShared(argv.NodeNetwork, w.Layout.NodeNetworkSocket(), argv.NodeNetworkArgs(w.Layout))
	made.Command.OOMScoreAdjust = oomScore
	made.Configure = func(context.Context) error {
		made.Command.Env = append(w.environment(), w.flannelName())
		return nil
	}
	return made
}

// flannelName tells flannel which node it is on; no argument does.
func (w *Worker) flannelName() string { return "NODE_NAME=" + w.name }

// networkProcess makes a component that runs in the process of the node's network.
func (w *Worker) networkProcess(name string, configure func(n argv.Node) (args []string, files map[string]encoded)) *role.Process {
	made := w.process(name, configure)
	made.Within = w.shared
	return made
}

func (w *Worker) kubeProxy() *role.Process {
	made := w.networkProcess(argv.KubeProxy, func(argv.Node) ([]string, map[string]encoded) {
		return argv.KubeProxyArgs(w.Layout), map[string]encoded{w.Layout.KubeProxyConfig(): argv.KubeProxyConfig}
	})
	configure := made.Configure
	made.Configure = func(ctx context.Context) error {
		if w.current().Cluster.Proxy.Mode != nftables {
			made.Within = nil // programs of the other modes load modules of the kernel, which node-network may not
		}
		return configure(ctx)
	}
	made.Options.Probe = health(argv.DefaultNodePorts().ProxyHealth, "/livez")
	return made
}

func (w *Worker) policy() *role.Process {
	made := w.networkProcess(argv.NetworkPolicy, func(n argv.Node) ([]string, map[string]encoded) {
		return argv.NetworkPolicyArgs(n, w.Layout), nil
	})
	// Ready only means that it lives: a node whose API server is away has the
	// rules that it had, and works on.
	made.Options.Probe = health(argv.DefaultNodePorts().Policy, "/healthz")
	return made
}

func (w *Worker) flannel() *role.Process {
	made := w.networkProcess(argv.Flannel, func(n argv.Node) ([]string, map[string]encoded) {
		told := func(n argv.Node, _ layout.Layout) ([]byte, error) { return n.Cluster.Network.FlannelConfig, nil }
		return argv.FlannelArgs(n, w.Layout), map[string]encoded{w.Layout.FlannelConfig(): told}
	})
	configure := made.Configure
	made.Configure = func(ctx context.Context) error {
		err := errors.Join(configure(ctx), os.MkdirAll(filepath.Dir(w.Layout.FlannelSubnet()), 0o755))
		made.Command.Env = append(made.Command.Env, w.flannelName())
		return err
	}
	made.Options.Probe = health(argv.DefaultNodePorts().FlannelHealth, "/healthz")
	return made
}

func (w *Worker) dns() *role.Process {
	made := w.networkProcess(argv.CoreDNS, func(argv.Node) ([]string, map[string]encoded) {
		return argv.CoreDNSArgs(w.Layout), map[string]encoded{w.Layout.Corefile(): argv.Corefile}
	})
	made.Options.Probe = health(argv.DefaultNodePorts().DNSHealth, "/health")
	return made
}

func (w *Worker) agent() *role.Process {
	made := w.networkProcess(argv.KonnectivityAgent, func(n argv.Node) ([]string, map[string]encoded) {
		return argv.KonnectivityAgentArgs(n, w.Layout), nil
	})
	made.Options.Probe = health(argv.DefaultNodePorts().AgentHealth, "/healthz")
	return made
}

// small is the memory of a machine on which every megabyte counts more than the
// processor's time.
const small = 2048 * role.Mebibyte

const (
	garbageIfSmall = 30
	garbageIfRoomy = 60
)

// environment is that of all components: the helpers are found first, and the
// less memory there is, the more often they clean up. Shims inherit containerd's.
func (w *Worker) environment() []string {
	garbage := garbageIfRoomy
	if memory := role.MachineMemory(); memory != 0 && memory <= small {
		garbage = garbageIfSmall
	}
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return []string{fmt.Sprintf("GOGC=%d", garbage), "PATH=" + filepath.Join(w.helpers.Root(), "bin") + ":" + path}
}
