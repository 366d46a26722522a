package controller

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"

	"kedge/internal/argv"
	"kedge/internal/datadir"
	"kedge/internal/pending"
	"kedge/internal/pki"
	"kedge/internal/role"
)

// plane is a control plane that is being put together.
type plane struct {
	*role.Plane
	options Options
	cluster argv.Cluster
	dir     *datadir.Dir
	// pending are the devices that ask to be approved.
	pending func() []pending.Device
}

// assemble adds all components:
//
//	storage ──► guard ──┬──► kube-apiserver ──┬──► kube-controller-manager
//	kine-volatile, ─────┘                     ├──► kube-scheduler
//	where it is apart                         ├──► konnectivity-server ──► metrics-server
//	                                          ├──► kubernetes-endpoint
//	                                          ├──► csr-approver, enroller, revoker, fleet-gate, plans, artifacts
//	                                          ├──► agent-signer
//	                                          ├──► manifests
//	                                          └──► announcement, on request
func (p *plane) assemble() error {
	p.cluster.Issued = pki.Issued(p.options.Layout)
	storage, client := p.storage()
	p.Add(storage)
	stores := []string{"guard"}
	if p.cluster.SeparateStores && p.cluster.Storage == argv.KineStorage {
		p.Add(p.volatile())
		stores = append(stores, argv.VolatileKine)
	}
	p.Add(&guard{store: client, dir: p.dir, newCluster: p.options.NewCluster}, storage.Name())
	server := p.apiServer()
	p.Add(server, stores...)
	for _, made := range []*role.Process{p.controllerManager(), p.scheduler(), p.konnectivity()} {
		if !p.options.isDisabled(made.Name()) {
			p.Add(made, argv.KubeAPIServer)
		}
	}
	if p.hasMetrics() {
		p.Add(p.metrics(), argv.KonnectivityServer)
	}
	p.Add(&endpoint{address: p.cluster.APIAddress(), port: argv.RelayPort, ask: p.asAdmin}, argv.KubeAPIServer)
	return p.addTasks(server)
}

// addTasks adds what works within kedge's own process.
func (p *plane) addTasks(server *role.Process) error {
	revoking, revokes, err := p.revoking(server)
	if err != nil {
		return err
	}
	p.Add(revokes, argv.KubeAPIServer)
	enrolling := func() (*role.Task, error) { return p.enroller(revoking.Bound) }
	asking := func() (*role.Task, error) { return p.gate(revoking.Bound) }
	tasks := []func() (*role.Task, error){p.approver, enrolling, asking, p.manifests, p.plans, p.artifacts}
	if p.cluster.Tunnel {
		tasks = append(tasks, p.agentSigner)
	}
	if p.options.Config.Spec.API.Announce {
		tasks = append(tasks, p.announcing)
	}
	for _, make := range tasks {
		made, err := make()
		if err != nil {
			return err
		}
		p.Add(made, argv.KubeAPIServer)
	}
	return nil
}

// storage is kine or etcd, and how one asks it.
func (p *plane) storage() (*role.Process, store) {
	l := p.options.Layout
	if p.cluster.Storage == argv.EtcdStorage {
		made := p.process(argv.Etcd, argv.EtcdArgs(p.cluster, l))
		made.Command.User = p.Accounts.Of(argv.Etcd)
		made.Command.Listens = []string{p.cluster.EtcdEndpoint(), loopback(p.cluster.Ports.EtcdPeer)}
		made.Prepare = func() error { return p.Accounts.Directory(l.Etcd(), argv.Etcd, 0o700) }
		client := store{endpoint: "https://" + p.cluster.EtcdEndpoint(), tls: role.ClientTLS(l.Certificate("etcd/ca"), l.Pair("etcd/client"))}
		made.Options.Probe = client.probe
		return made, client
	}
	made := p.process(argv.Kine, argv.KineArgs(p.cluster, l))
	made.Prepare = func() error {
		return errors.Join(p.Accounts.Directory(l.Database(), argv.KubeAPIServer, 0o700), p.storeDirectory(), p.checkDatabase())
	}
	made.Command.Env = append(made.Command.Env, argv.KineEnv(p.cluster)...)
	made.Command.User = p.Accounts.Of(argv.KubeAPIServer)
	client := store{endpoint: "unix://" + l.KineSocket()}
	made.Options.Probe = client.probe
	if !p.cluster.SeparateStores {
		made.Options.Probe = func(ctx context.Context) error { return errors.Join(client.probe(ctx), p.volatileStore().probe(ctx)) }
	}
	return made, client
}

// volatile is a kine of its own for what lives for seconds.
func (p *plane) volatile() *role.Process {
	made := p.process(argv.VolatileKine, argv.VolatileKineArgs(p.cluster, p.options.Layout))
	made.Prepare = p.storeDirectory
	made.Command.Program = argv.Kine
	made.Command.Executable = p.options.Config.Spec.Executables[argv.Kine]
	made.Command.User = p.Accounts.Of(argv.KubeAPIServer)
	made.Options.Probe = p.volatileStore().probe
	return made
}

func (p *plane) volatileStore() store {
	return store{endpoint: "unix://" + p.options.Layout.VolatileSocket()}
}

func (p *plane) storeDirectory() error {
	return p.Accounts.Directory(p.options.Layout.Store(), argv.KubeAPIServer, 0o700)
}

func (p *plane) apiServer() *role.Process {
	made := p.process(argv.KubeAPIServer, argv.KubeAPIServerArgs(p.cluster, p.options.Layout))
	made.Command.User = p.Accounts.Of(argv.KubeAPIServer)
	made.Command.Listens = []string{anywhere(p.cluster.Port)}
	made.Prepare = p.writeAPIConfig
	made.Options.Probe = role.Answers(p.server()+"/readyz", p.adminTLS())
	return made
}

func (p *plane) controllerManager() *role.Process {
	made := p.process(argv.KubeControllerManager, argv.KubeControllerManagerArgs(p.cluster, p.options.Layout))
	return p.loopbackOnly(made, argv.KubeAPIServer, p.cluster.Ports.ControllerManager)
}

func (p *plane) scheduler() *role.Process {
	made := p.process(argv.KubeScheduler, argv.KubeSchedulerArgs(p.cluster, p.options.Layout))
	return p.loopbackOnly(made, argv.KubeScheduler, p.cluster.Ports.Scheduler)
}

func (p *plane) loopbackOnly(made *role.Process, user string, port int) *role.Process {
	made.Command.User = p.Accounts.Of(user)
	made.Command.Listens = []string{loopback(port)}
	made.Options.Probe = role.Answers("https://"+loopback(port)+"/healthz", role.SelfSigned)
	return made
}

func (p *plane) konnectivity() *role.Process {
	l := p.options.Layout
	made := p.process(argv.KonnectivityServer, argv.KonnectivityServerArgs(p.cluster, l))
	made.Command.User = p.Accounts.Of(argv.KonnectivityServer)
	made.Command.Listens = []string{anywhere(p.cluster.AgentPort), loopback(p.cluster.AdminPort), loopback(p.cluster.Ports.KonnectivityHealth)}
	made.Prepare = func() error { return p.Accounts.Directory(l.Tunnel(), argv.KonnectivityServer, 0o755) }
	healthy := role.Answers("http://"+loopback(p.cluster.Ports.KonnectivityHealth)+"/healthz", nil)
	made.Options.Probe = func(ctx context.Context) error {
		if err := healthy(ctx); err != nil {
			return err
		}
		// Who may connect is who may write the socket, while the server made it:
		// the API server's user, and metrics-server's.
		return p.Accounts.Share(l.TunnelSocket(), argv.KubeAPIServer, argv.MetricsServer)
	}
	return made
}

// hasMetrics says that somebody asks kubelets, which are reached by the tunnel.
func (p *plane) hasMetrics() bool {
	return p.cluster.Tunnel && !p.options.isDisabled(argv.MetricsServer)
}

func (p *plane) metrics() *role.Process {
	made := p.process(argv.MetricsServer, argv.MetricsServerArgs(p.cluster, p.options.Layout))
	port := p.cluster.Ports.MetricsServer
	made.Command.User = p.Accounts.Of(argv.MetricsServer)
	made.Command.Listens = []string{loopback(port)}
	// Its certificate is for the service, which nobody can look up here.
	made.Options.Probe = role.Answers("https://"+loopback(port)+"/livez", role.SelfSigned)
	return made
}

// process makes a component with what all of a control plane's have in common.
func (p *plane) process(name string, args []string) *role.Process {
	made := p.NewProcess(name, args)
	made.Command.Executable = p.options.Config.Spec.Executables[name]
	made.Command.Env = environment(name, role.MachineMemory())
	made.Command.OOMScoreAdjust = oomScore
	return made
}

func (p *plane) server() string {
	return "https://" + loopback(p.cluster.Port)
}

// publicServer is where others reach the API server.
func (p *plane) publicServer() string {
	host := cmp.Or(p.options.Config.Spec.API.ExternalAddress, p.cluster.Address.String())
	return "https://" + net.JoinHostPort(host, strconv.Itoa(p.cluster.Port))
}

func loopback(port int) string { return argv.Loopback + ":" + strconv.Itoa(port) }

func anywhere(port int) string { return ":" + strconv.Itoa(port) }

// directories makes those that belong to no single component.
func (p *plane) directories() error {
	l := p.options.Layout
	for _, path := range []string{l.RunDir, l.PIDs(), l.APIConfig()} {
		if err := p.Accounts.Directory(path, "", 0o755); err != nil {
			return err
		}
	}
	return errors.Join(p.Accounts.CheckWay(l.DataDir), p.Accounts.CheckWay(l.RunDir))
}
