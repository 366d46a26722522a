package role

import (
	"context"

	"kedge/internal/component"
)

// Task is a component that works within kedge's own process.
type Task struct {
	name string
	run  func(context.Context) error
	// IsReady is nil when it serves from its start on.
	IsReady func() error

	end    context.CancelFunc
	done   chan struct{}
	failed chan error
}

var _ component.Failing = (*Task)(nil)

// NewTask makes a component that is run until its context ends.
func NewTask(name string, run func(context.Context) error) *Task {
	return &Task{name: name, run: run, done: make(chan struct{}), failed: make(chan error, 1)}
}

// Name is the component's.
func (t *Task) Name() string { return t.name }

// Init has nothing to make.
func (t *Task) Init(context.Context) error { return nil }

// Start begins the work.
func (t *Task) Start(ctx context.Context) error {
	ctx, t.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(t.done)
		if err := t.run(ctx); err != nil {
			t.failed <- err
		}
	}()
	return nil
}

// Ready asks the work.
func (t *Task) Ready(context.Context) error {
	if t.IsReady == nil {
		return nil
	}
	return t.IsReady()
}

// Failed yields the error that ended the work.
func (t *Task) Failed() <-chan error { return t.failed }

// Stop ends the work and waits for its end.
func (t *Task) Stop(ctx context.Context) error {
	t.end()
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
