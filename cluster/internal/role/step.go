package role

import (
	"context"
	"errors"
	"sync"

	"kedge/internal/component"
)

// Step is a component that is done when its work is: nothing of it keeps
// running. It is ready then, and what needs it begins.
type Step struct {
	name string
	work func(context.Context) error

	end  context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	problem error
}

var _ component.Failing = (*Step)(nil)

// NewStep makes a step. work may take as long as it wants; ctx ends when kedge
// is to stop.
func NewStep(name string, work func(context.Context) error) *Step {
	return &Step{name: name, work: work, done: make(chan struct{}), problem: errors.New("it is at work")}
}

// Name is the component's.
func (s *Step) Name() string { return s.name }

// Init has nothing to make.
func (s *Step) Init(context.Context) error { return nil }

// Start begins the work.
func (s *Step) Start(ctx context.Context) error {
	ctx, s.end = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(s.done)
		s.Tell(s.work(ctx))
	}()
	return nil
}

// Tell says what the work waits for.
func (s *Step) Tell(problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = problem
}

// Ready is nil when the work is done.
func (s *Step) Ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// Failed yields the error that ended the work.
func (s *Step) Failed() <-chan error {
	failed := make(chan error, 1)
	go func() {
		<-s.done
		if err := s.Ready(context.Background()); err != nil {
			failed <- err
		}
	}()
	return failed
}

// Stop ends the work and waits for its end.
func (s *Step) Stop(ctx context.Context) error {
	s.end()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Optional is a process that runs only if it is wanted, which is known only
// when it starts.
type Optional struct {
	*Process
	isUnwanted func() bool
}

var _ component.Component = (*Optional)(nil)

// NewOptional makes one.
func NewOptional(process *Process, isUnwanted func() bool) *Optional {
	return &Optional{process, isUnwanted}
}

// Start starts the process, if it is wanted.
func (o *Optional) Start(ctx context.Context) error {
	if o.isUnwanted() {
		return nil
	}
	return o.Process.Start(ctx)
}

// Ready is that of the process, if there is one.
func (o *Optional) Ready(ctx context.Context) error {
	if o.running() == nil {
		return nil
	}
	return o.Process.Ready(ctx)
}
