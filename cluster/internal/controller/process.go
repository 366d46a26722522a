package controller

import (
	"context"
	"log/slog"
	"sync"

	"kedge/internal/argv"
	"kedge/internal/component"
	"kedge/internal/supervise"
)

// process is a component that is a process of its own.
type process struct {
	command supervise.Command
	options supervise.Options
	// prepare makes the component's files and directories; nil makes none.
	prepare func() error

	mu         sync.Mutex
	supervisor *supervise.Supervisor // nil until Start
}

var _ component.Component = (*process)(nil)

func (p *process) Name() string { return p.command.Name }

func (p *process) Init(context.Context) error {
	if p.prepare == nil {
		return nil
	}
	return p.prepare()
}

func (p *process) Start(ctx context.Context) error {
	supervisor := supervise.New(p.command, p.options)
	p.mu.Lock()
	p.supervisor = supervisor
	p.mu.Unlock()
	return supervisor.Start(ctx)
}

func (p *process) Ready(context.Context) error { return p.running().Ready() }

func (p *process) Stop(ctx context.Context) error { return p.running().Stop(ctx) }

func (p *process) running() *supervise.Supervisor {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.supervisor
}

// process makes a component with what all of them have in common.
func (p *plane) process(name string, args []string) *process {
	return &process{
		command: supervise.Command{
			Name: name, Args: args, Executable: p.options.Config.Spec.Executables[name],
			Env: environment(name, machineMemory()), Dir: p.options.Layout.RunDir, OOMScoreAdjust: oomScore,
		},
		options: supervise.Options{
			Log: logOf(p.options.Log, name), Owner: p.options.Layout.DataDir, PIDDir: p.options.Layout.PIDs(), StopTimeout: argv.StopTimeout,
		},
	}
}

func logOf(log *slog.Logger, name string) *slog.Logger { return log.With("component", name) }
