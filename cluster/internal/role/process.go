package role

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"kedge/internal/argv"
	"kedge/internal/component"
	"kedge/internal/supervise"
	"kedge/internal/together"
)

// Process is a component that is a process of its own, or runs in one with others.
type Process struct {
	Command supervise.Command
	Options supervise.Options
	// Within is the process that it shares with others, unless the user has a
	// program of its own for it; nil: it shares none.
	Within *Shared
	// Prepare makes the component's files and directories; nil makes none.
	Prepare func() error
	// Configure completes the command when what the component needs is ready;
	// nil leaves it as it is.
	Configure func(ctx context.Context) error

	mu      sync.Mutex
	current runner // nil until Start
}

// runner keeps something running, a process or a part of one.
type runner interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Ready() error
	Status() supervise.Status
}

var (
	_ component.Component = (*Process)(nil)
	_ runner              = (*supervise.Supervisor)(nil)
	_ runner              = (*together.Member)(nil)
)

// NewProcess makes a component with what all of them have in common.
func (p *Plane) NewProcess(name string, args []string) *Process {
	return &Process{
		Command: supervise.Command{Name: name, Args: args, Dir: p.Layout.RunDir},
		Options: supervise.Options{
			Log: LogOf(p.Log, name), Owner: p.Layout.DataDir, PIDDir: p.Layout.PIDs(), StopTimeout: argv.StopTimeout,
		},
	}
}

// LogOf is a log that names the component.
func LogOf(log *slog.Logger, name string) *slog.Logger { return log.With("component", name) }

// Name is the component's.
func (p *Process) Name() string { return p.Command.Name }

// Init makes files and directories.
func (p *Process) Init(context.Context) error {
	if p.Prepare == nil {
		return nil
	}
	return p.Prepare()
}

// Start completes the command and starts it.
func (p *Process) Start(ctx context.Context) error {
	if p.Configure != nil {
		if err := p.Configure(ctx); err != nil {
			return err
		}
	}
	made := p.runner()
	if err := made.Start(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	p.current = made
	p.mu.Unlock()
	return nil
}

func (p *Process) runner() runner {
	if p.Within != nil && p.Command.Executable == "" {
		return p.Within.group.Member(p.Command, p.Options)
	}
	return supervise.New(p.Command, p.Options)
}

// Restart ends the process and starts it anew, with what is known now. One that
// has not been started yet is left alone.
func (p *Process) Restart(ctx context.Context) error {
	if p.running() == nil {
		return nil
	}
	return errors.Join(p.Stop(ctx), p.Start(ctx))
}

// Ready is nil when the process answered its last probe.
func (p *Process) Ready(context.Context) error { return p.running().Ready() }

// Stop ends the process, if there is one.
func (p *Process) Stop(ctx context.Context) error {
	if running := p.running(); running != nil {
		return running.Stop(ctx)
	}
	return nil
}

func (p *Process) running() runner {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}
