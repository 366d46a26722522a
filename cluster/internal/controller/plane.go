package controller

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"

	"kedge/internal/argv"
	"kedge/internal/component"
	"kedge/internal/datadir"
	"kedge/internal/supervise"
)

// plane is a control plane that is being put together.
type plane struct {
	options  Options
	cluster  argv.Cluster
	accounts accounts
	dir      *datadir.Dir
	manager  *component.Manager
	// processes are by name, for whoever asks how they are.
	processes map[string]*process
}

// assemble adds all components:
//
//	storage ──► guard ──┬──► kube-apiserver ──┬──► kube-controller-manager
//	kine-volatile ──────┘                     ├──► kube-scheduler
//	                                          ├──► konnectivity-server
//	                                          ├──► kubernetes-endpoint
//	                                          ├──► csr-approver
//	                                          ├──► manifests
//	                                          └──► announcement, on request
func (p *plane) assemble() error {
	var problems []error
	add := func(c component.Component, needs ...string) {
		if made, ok := c.(*process); ok {
			p.processes[c.Name()] = made
		}
		problems = append(problems, p.manager.Add(c, needs...))
	}
	storage, client := p.storage()
	add(storage)
	stores := []string{"guard"}
	if p.cluster.Storage == argv.KineStorage {
		add(p.volatile())
		stores = append(stores, argv.VolatileKine)
	}
	add(&guard{store: client, dir: p.dir, newCluster: p.options.NewCluster}, storage.Name())
	add(p.apiServer(), stores...)
	for _, made := range []*process{p.controllerManager(), p.scheduler(), p.konnectivity()} {
		if !p.options.isDisabled(made.Name()) {
			add(made, argv.KubeAPIServer)
		}
	}
	add(&endpoint{address: p.cluster.Address, port: p.cluster.Port, ask: p.asAdmin}, argv.KubeAPIServer)
	tasks := []func() (*task, error){p.approver, p.manifests}
	if p.options.Config.Spec.API.Announce {
		tasks = append(tasks, p.announcing)
	}
	for _, make := range tasks {
		made, err := make()
		if err != nil {
			return err
		}
		add(made, argv.KubeAPIServer)
	}
	return errors.Join(problems...)
}

// storage is kine or etcd, and how one asks it.
func (p *plane) storage() (*process, store) {
	l := p.options.Layout
	if p.cluster.Storage == argv.EtcdStorage {
		made := p.process(argv.Etcd, argv.EtcdArgs(p.cluster, l))
		made.command.User = p.accounts.of(argv.Etcd)
		made.command.Listens = []string{p.cluster.EtcdEndpoint(), loopback(p.cluster.Ports.EtcdPeer)}
		made.prepare = func() error { return p.accounts.directory(l.Etcd(), argv.Etcd, 0o700) }
		client := store{endpoint: "https://" + p.cluster.EtcdEndpoint(), tls: clientTLS(l.Certificate("etcd/ca"), l.Pair("etcd/client"))}
		made.options.Probe = client.probe
		return made, client
	}
	made := p.process(argv.Kine, argv.KineArgs(p.cluster, l))
	made.prepare = func() error {
		return errors.Join(p.accounts.directory(l.Database(), argv.KubeAPIServer, 0o700), p.storeDirectory(), p.checkDatabase())
	}
	made.command.Env = append(made.command.Env, argv.KineEnv(p.cluster)...)
	client := store{endpoint: "unix://" + l.KineSocket()}
	p.asKine(made, client)
	return made, client
}

// volatile is the kine for what lives for seconds.
func (p *plane) volatile() *process {
	made := p.process(argv.VolatileKine, argv.VolatileKineArgs(p.cluster, p.options.Layout))
	made.prepare = p.storeDirectory
	p.asKine(made, store{endpoint: "unix://" + p.options.Layout.VolatileSocket()})
	return made
}

func (p *plane) asKine(made *process, client store) {
	made.command.Program = argv.Kine
	made.command.Executable = p.options.Config.Spec.Executables[argv.Kine]
	made.command.User = p.accounts.of(argv.KubeAPIServer)
	made.options.Probe = client.probe
}

func (p *plane) storeDirectory() error {
	return p.accounts.directory(p.options.Layout.Store(), argv.KubeAPIServer, 0o700)
}

func (p *plane) apiServer() *process {
	made := p.process(argv.KubeAPIServer, argv.KubeAPIServerArgs(p.cluster, p.options.Layout))
	made.command.User = p.accounts.of(argv.KubeAPIServer)
	made.command.Listens = []string{anywhere(p.cluster.Port)}
	made.prepare = p.writeAPIConfig
	made.options.Probe = answers(p.server()+"/readyz", p.adminTLS())
	return made
}

func (p *plane) controllerManager() *process {
	made := p.process(argv.KubeControllerManager, argv.KubeControllerManagerArgs(p.cluster, p.options.Layout))
	return p.loopbackOnly(made, argv.KubeAPIServer, p.cluster.Ports.ControllerManager)
}

func (p *plane) scheduler() *process {
	made := p.process(argv.KubeScheduler, argv.KubeSchedulerArgs(p.cluster, p.options.Layout))
	return p.loopbackOnly(made, argv.KubeScheduler, p.cluster.Ports.Scheduler)
}

func (p *plane) loopbackOnly(made *process, user string, port int) *process {
	made.command.User = p.accounts.of(user)
	made.command.Listens = []string{loopback(port)}
	made.options.Probe = answers("https://"+loopback(port)+"/healthz", selfSigned)
	return made
}

func (p *plane) konnectivity() *process {
	l := p.options.Layout
	made := p.process(argv.KonnectivityServer, argv.KonnectivityServerArgs(p.cluster, l))
	made.command.User = p.accounts.of(argv.KonnectivityServer)
	made.command.Listens = []string{anywhere(p.cluster.AgentPort), loopback(p.cluster.AdminPort), loopback(p.cluster.Ports.KonnectivityHealth)}
	made.prepare = func() error { return p.accounts.directory(l.Tunnel(), argv.KonnectivityServer, 0o755) }
	healthy := answers("http://"+loopback(p.cluster.Ports.KonnectivityHealth)+"/healthz", nil)
	made.options.Probe = func(ctx context.Context) error {
		if err := healthy(ctx); err != nil {
			return err
		}
		// Who may connect is who may write the socket: the API server's user,
		// while the server made it.
		return p.accounts.own(l.TunnelSocket(), argv.KubeAPIServer)
	}
	return made
}

// report is how the process behind a component is; nil for one that has none.
func (p *plane) report(name string) *supervise.Status {
	made, ok := p.processes[name]
	if !ok || made.running() == nil {
		return nil
	}
	status := made.running().Status()
	return &status
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
		if err := p.accounts.directory(path, "", 0o755); err != nil {
			return err
		}
	}
	return errors.Join(p.accounts.checkWay(l.DataDir), p.accounts.checkWay(l.RunDir))
}
