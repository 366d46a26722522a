package controller

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kedge/internal/component"
	"kedge/internal/datadir"
	"kedge/internal/status"
)

const (
	poll = 100 * time.Millisecond
	// patience is long: an emulated or very small machine needs minutes.
	patience = 10 * time.Minute
	// stopTimeout is for all components together; each has its own besides.
	stopTimeout = 80 * time.Second
	// StopSeconds is how long a service manager should wait.
	StopSeconds = 100
	// certificatePeriod lies between two looks at the certificates.
	certificatePeriod = 30 * time.Minute
)

// Run runs a control plane until ctx ends.
func Run(ctx context.Context, options Options) error {
	started := time.Now()
	p, err := prepare(options)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	lock, err := datadir.Lock(options.Layout.RunDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	socket, err := status.Listen(options.Layout.StatusSocket())
	if err != nil {
		return err
	}
	return p.run(ctx, socket, started)
}

// prepare makes all that stands before the first process starts.
func prepare(options Options) (*plane, error) {
	if err := options.Layout.Check(); err != nil {
		return nil, err
	}
	cluster, err := options.cluster()
	if err != nil {
		return nil, err
	}
	dir, err := datadir.Open(options.Layout.Record(), datadir.Record{
		Kubernetes: options.Kubernetes, UID: os.Geteuid(), Storage: string(cluster.Storage),
	})
	if err != nil {
		return nil, err
	}
	p := &plane{
		options: options, cluster: cluster, dir: dir, processes: make(map[string]*process),
		manager: component.NewManager(options.Log, component.Options{Poll: poll, Patience: patience, StopTimeout: stopTimeout}),
	}
	for _, step := range []func() error{
		func() error { p.accounts, err = findAccounts(options.Log); return err },
		dir.Save, p.directories, p.certificates, p.assemble,
	} {
		if err := step(); err != nil {
			_ = dir.Close()
			return nil, err
		}
	}
	return p, nil
}

// run runs the components and what goes with them.
func (p *plane) run(ctx context.Context, socket net.Listener, started time.Time) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	// Whoever asks is answered until nothing runs any more.
	answering, endAnswering := context.WithCancel(context.WithoutCancel(ctx))
	defer endAnswering()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return status.Serve(answering, socket, status.Answers{
			Report: func() status.Report { return p.statusReport(started) }, Log: p.options.RecentLog,
		})
	})
	group.Go(func() error { return p.renewCertificates(ctx) })
	group.Go(func() error { return p.feedWatchdog(ctx) })
	group.Go(func() error {
		defer end()
		defer endAnswering()
		return p.manager.Run(ctx, func() { p.ready(time.Since(started)) })
	})
	return group.Wait()
}

// ready is called once, when everything serves.
func (p *plane) ready(after time.Duration) {
	p.dir.Record.Started = true
	if err := p.dir.Save(); err != nil {
		p.options.Log.Error("the data directory cannot be marked as used", "error", err)
	}
	p.options.Log.Info("the control plane is ready", "after", after.Round(time.Millisecond).String(), "server", p.server())
	p.notify(readyState)
}

func (p *plane) renewCertificates(ctx context.Context) error {
	ticker := time.NewTicker(certificatePeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := p.certificates(); err != nil {
				p.options.Log.Error("certificates cannot be signed anew", "error", err)
			}
		}
	}
}

func (p *plane) statusReport(started time.Time) status.Report {
	report := status.Report{
		Role: "controller", Version: p.options.Version, Kubernetes: p.options.Kubernetes, PID: os.Getpid(),
		DataDir: p.options.Layout.DataDir, Service: isService(), Started: started, Ready: p.healthy() == nil,
	}
	report.Server = p.publicServer()
	for _, state := range p.manager.Report() {
		report.Components = append(report.Components, status.Component{Status: state, Process: p.report(state.Name)})
	}
	return report
}

// isService is true below systemd, which sets the variable, and below OpenRC,
// whose supervisor is the parent.
func isService() bool {
	if os.Getenv("INVOCATION_ID") != "" && os.Getppid() == 1 {
		return true
	}
	parent, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	return err == nil && strings.HasPrefix(string(parent), "supervise-daemo")
}

// healthy is nil when every component is ready, and its process answers.
func (p *plane) healthy() error {
	for _, state := range p.manager.Report() {
		if state.State != component.Ready {
			return fmt.Errorf("%s is %s", state.Name, state.State)
		}
		if process := p.report(state.Name); process != nil && !process.Healthy {
			return fmt.Errorf("%s does not answer: %s", state.Name, process.Problem)
		}
	}
	return nil
}
