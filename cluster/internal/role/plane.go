// Package role is what the roles of kedge share: how a controller's and a
// worker's components become processes and tasks, and how all of them run.
package role

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kedge/internal/component"
	"kedge/internal/datadir"
	"kedge/internal/layout"
	"kedge/internal/pending"
	"kedge/internal/status"
	"kedge/internal/supervise"
)

const (
	poll = 100 * time.Millisecond
	// stopTimeout is for all components together; each has its own besides.
	stopTimeout = 80 * time.Second
	// StopSeconds is how long a service manager should wait.
	StopSeconds = 100
)

// Plane is the components of this machine's roles.
type Plane struct {
	Layout   layout.Layout
	Log      *slog.Logger
	Accounts Accounts

	manager *component.Manager
	// processes are by name, for whoever asks how they are.
	processes map[string]*Process
	problems  []error
}

// NewPlane makes one without components. patience is how long a component may
// take to become ready; 0 is for ever.
func NewPlane(places layout.Layout, log *slog.Logger, accounts Accounts, patience time.Duration) *Plane {
	return &Plane{
		Layout: places, Log: log, Accounts: accounts, processes: make(map[string]*Process),
		manager: component.NewManager(log, component.Options{Poll: poll, Patience: patience, StopTimeout: stopTimeout}),
	}
}

// Add takes a component that starts when those it needs are ready. What is
// wrong with it, Run tells.
func (p *Plane) Add(c component.Component, needs ...string) {
	switch made := c.(type) {
	case *Process:
		p.processes[c.Name()] = made
	case *Optional:
		p.processes[c.Name()] = made.Process
	case *Shared:
		p.processes[c.Name()] = made.Process
	}
	p.problems = append(p.problems, p.manager.Add(c, needs...))
}

// About is what a running kedge tells of itself, and what else it does.
type About struct {
	Role, Version, Kubernetes string
	// Server is where others reach the API server.
	Server func() string
	// Node tells of this machine as a node; nil: it is none.
	Node func() *status.Node
	// Pending are the devices that ask to be approved; nil: nobody can.
	Pending func() []pending.Device
	// RecentLog is the end of what Log wrote.
	RecentLog func() []byte
	// Ready is called once, when everything serves.
	Ready func()
	// Works is called once, when everything has served for a while; nil: nobody wants
	// to know.
	Works func()
	// Background works until its context ends.
	Background []func(context.Context) error
}

// Run runs the components and what goes with them until ctx ends.
func (p *Plane) Run(ctx context.Context, about About) error {
	if err := errors.Join(p.problems...); err != nil {
		return err
	}
	lock, err := datadir.Lock(p.Layout.RunDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	socket, err := status.Listen(p.Layout.StatusSocket())
	if err != nil {
		return err
	}
	return p.run(ctx, about, socket)
}

func (p *Plane) run(ctx context.Context, about About, socket net.Listener) error {
	started := time.Now()
	ctx, end := context.WithCancel(ctx)
	defer end()
	// Whoever asks is answered until nothing runs any more.
	answering, endAnswering := context.WithCancel(context.WithoutCancel(ctx))
	defer endAnswering()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return status.Serve(answering, socket, status.Answers{
			Report: func() status.Report { return p.statusReport(about, started) }, Log: about.RecentLog,
		})
	})
	for _, work := range append([]func(context.Context) error{p.feedWatchdog, p.awaitWorking(about.Works)}, about.Background...) {
		group.Go(func() error { return work(ctx) })
	}
	group.Go(func() error {
		defer end()
		defer endAnswering()
		return p.manager.Run(ctx, func() {
			about.Ready()
			p.Log.Info("the "+about.Role+" is ready", "after", time.Since(started).Round(time.Millisecond).String(), "server", about.Server())
			p.notify(readyState)
			Settle()
		})
	})
	return group.Wait()
}

func (p *Plane) statusReport(about About, started time.Time) status.Report {
	report := status.Report{
		Role: about.Role, Version: about.Version, Kubernetes: about.Kubernetes, PID: os.Getpid(),
		DataDir: p.Layout.DataDir, Service: IsService(), Started: started, Ready: p.healthy() == nil, Server: about.Server(),
	}
	if about.Node != nil {
		report.Node = about.Node()
	}
	if about.Pending != nil {
		report.Pending = about.Pending()
	}
	for _, state := range p.manager.Report() {
		report.Components = append(report.Components, status.Component{Status: state, Process: p.processReport(state.Name)})
	}
	return report
}

// IsService is true below systemd, which sets the variable, and below OpenRC,
// whose supervisor is the parent.
func IsService() bool {
	if os.Getenv("INVOCATION_ID") != "" && os.Getppid() == 1 {
		return true
	}
	parent, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	return err == nil && strings.HasPrefix(string(parent), "supervise-daemo")
}

// healthy is nil when every component is ready, and its process answers.
func (p *Plane) healthy() error {
	for _, state := range p.manager.Report() {
		if state.State != component.Ready {
			return fmt.Errorf("%s is %s", state.Name, state.State)
		}
		if process := p.processReport(state.Name); process != nil && !process.Healthy {
			return fmt.Errorf("%s does not answer: %s", state.Name, process.Problem)
		}
	}
	return nil
}

// processReport is how the process behind a component is; nil for one that has none.
func (p *Plane) processReport(name string) *supervise.Status {
	made, ok := p.processes[name]
	if !ok || made.running() == nil {
		return nil
	}
	status := made.running().Status()
	return &status
}
