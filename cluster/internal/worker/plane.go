package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"kedge/internal/apiproxy"
	"kedge/internal/argv"
	"kedge/internal/payload"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// Worker is a node that is being put together.
type Worker struct {
	*role.Plane
	options Options
	name    string
	systemd bool

	// shared is the process of the node's network.
	shared *role.Shared

	// asked answers the node's components; nil while nobody does.
	asked atomic.Pointer[apiproxy.Proxy]

	// cluster is how the node's is told from another.
	cluster *apiproxy.Cluster

	// helpers is held for as long as kedge runs: nobody may remove it.
	helpers *payload.Dir

	mu   sync.Mutex
	node argv.Node // complete once the component "join" is ready
	// alone is why the controller told nothing; empty: it did.
	alone string
}

// Names of what works within kedge's own process.
const (
	helpers      = "helpers"
	join         = "join"
	certificates = "certificates"
	bundles      = "images"
	addresses    = "service-addresses"
	relay        = "api-relay"
	proxy        = "api-proxy"
	contact      = "contact"
	network      = "pod-network"
	nameServers  = "name-servers"
	nodeAddress  = "node-address"
)

// assemble adds all components:
//
//	helpers ──► containerd ──► images ─────────┐
//	   │                                       ▼
//	   │        join ──┬──► api-proxy ─────► kubelet, coredns, network-policy
//	   │               ├──► updates
//	   │               ├──► certificates ──► kubelet ──► kube-proxy, flanneld, pod-network, node-address
//	   │               │          └────────► konnectivity-agent
//	   │               ├──► service-addresses ──► api-relay, contact, coredns, name-servers
//	   └───────────────┴──► network-policy
//
// kube-proxy waits half a minute for a node that there is not yet, goes on with
// the wrong address, and ends when there is one.
//
// All processes need the helpers, which are in their environment, and which a
// slow machine takes longer to unpack than to join. kube-proxy, flanneld,
// network-policy, coredns and konnectivity-agent run within one, node-network.
func (w *Worker) assemble(needs []string) {
	w.Add(w.unpacking())
	w.Add(w.joining(), needs...)
	runtime := []string{join, helpers}
	if w.options.CRISocket == "" {
		w.Add(w.containerd(), join, helpers)
		w.Add(w.importing(), argv.Containerd)
		runtime = []string{bundles}
	}
	w.Add(w.certificates(), join)
	w.Add(w.addresses(), join)
	w.Add(w.apiProxy(), join)
	w.shared = w.nodeNetwork()
	kubelet, flannel := w.kubelet(), w.flannel()
	w.Add(w.shared, join, helpers)
	w.Add(kubelet, append(runtime, certificates, addresses, proxy, helpers)...)
	w.Add(w.relay(), addresses)
	w.Add(w.updates(), join)
	w.Add(w.contact(), addresses)
	w.Add(w.optional(w.kubeProxy(), func(n argv.Node) bool { return n.Cluster.Proxy.Disabled }), argv.Kubelet, argv.NodeNetwork)
	w.Add(w.optional(w.policy(), func(n argv.Node) bool { return n.Cluster.NetworkPolicy.Disabled }), proxy, argv.NodeNetwork)
	w.Add(w.optional(flannel, func(n argv.Node) bool { return !n.OwnNetwork() }), argv.Kubelet, argv.NodeNetwork)
	w.Add(w.podNetwork(), argv.Kubelet)
	w.Add(w.follow(kubelet, flannel), argv.Kubelet)
	w.Add(w.optional(w.dns(), func(n argv.Node) bool { return n.Cluster.DNS.Disabled }), addresses, proxy, argv.NodeNetwork)
	w.Add(w.nameServers(), addresses)
	w.Add(w.optional(w.agent(), func(n argv.Node) bool { return n.Cluster.Tunnel.Disabled }), certificates, argv.NodeNetwork)
}

// unpacking takes the helpers out of kedge's own file.
func (w *Worker) unpacking() *role.Step {
	return role.NewStep(helpers, func(ctx context.Context) error {
		carried, err := payload.OpenRunning(payload.WithLogger(role.LogOf(w.Log, helpers)))
		if err != nil {
			return err
		}
		unpacked, err := carried.Unpack(ctx, w.Layout.DataDir)
		if err != nil {
			return errors.Join(err, carried.Close())
		}
		w.helpers = unpacked
		return carried.Close()
	})
}

// current is what is known of the node.
func (w *Worker) current() argv.Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.node
}

func (w *Worker) server() string {
	if server := w.current().Server; server != nil {
		return server.String()
	}
	return ""
}

// process makes a component whose files and arguments depend on the cluster.
// files are written each time before it starts.
func (w *Worker) process(name string, configure func(n argv.Node) (args []string, files map[string]encoded)) *role.Process {
	made := w.NewProcess(name, nil)
	made.Command.OOMScoreAdjust = oomScore
	made.Configure = func(context.Context) error {
		n := w.current()
		n.Helpers = w.helpers.Root()
		made.Command.Env = w.environment()
		made.Command.Executable = n.Cluster.Executables[name]
		args, files := configure(n)
		made.Command.Args = args
		var problems []error
		for path, encode := range files {
			content, err := encode(n, w.Layout)
			if err == nil {
				err = wholefile.Write(path, content, 0o600)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("write %s: %w", path, err))
			}
		}
		return errors.Join(problems...)
	}
	return made
}

// optional makes a component one that does nothing where the cluster does
// without it, which is known only once the worker has joined.
func (w *Worker) optional(made *role.Process, isUnwanted func(argv.Node) bool) *role.Optional {
	return role.NewOptional(made, func() bool { return isUnwanted(w.current()) })
}

func loopback(port int) string { return argv.Loopback + ":" + strconv.Itoa(port) }

func health(port int, path string) role.Probe {
	return role.Answers("http://"+loopback(port)+path, nil)
}
