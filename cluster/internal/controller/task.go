package controller

import (
	"context"

	"kedge/internal/component"
)

// task is a component that works within kedge's own process.
type task struct {
	name string
	// run works until its context ends.
	run func(context.Context) error
	// ready is nil when it serves from its start on.
	ready func() error

	end    context.CancelFunc
	done   chan struct{}
	failed chan error
}

var _ component.Failing = (*task)(nil)

func newTask(name string, run func(context.Context) error) *task {
	return &task{name: name, run: run, done: make(chan struct{}), failed: make(chan error, 1)}
}

func (t *task) Name() string { return t.name }

func (t *task) Init(context.Context) error { return nil }

func (t *task) Start(ctx context.Context) error {
	ctx, t.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(t.done)
		if err := t.run(ctx); err != nil {
			t.failed <- err
		}
	}()
	return nil
}

func (t *task) Ready(context.Context) error {
	if t.ready == nil {
		return nil
	}
	return t.ready()
}

func (t *task) Failed() <-chan error { return t.failed }

func (t *task) Stop(ctx context.Context) error {
	t.end()
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
