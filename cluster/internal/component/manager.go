package component

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options are a manager's times.
type Options struct {
	// Poll is the pause between two questions whether a component is ready.
	Poll time.Duration
	// Patience is how long a component may take from Start until it is ready; 0
	// is for ever.
	Patience time.Duration
	// StopTimeout bounds the stop of all components together.
	StopTimeout time.Duration
}

// Manager starts components in parallel along their dependencies, and stops
// them in reverse.
type Manager struct {
	log     *slog.Logger
	options Options
	nodes   []*node
}

// node is a component with its place in the order.
type node struct {
	Component
	needs    []*node
	neededBy []*node
	ready    chan struct{} // closed when ready

	mu      sync.Mutex
	status  Status
	started bool
}

// NewManager makes a manager without components.
func NewManager(log *slog.Logger, options Options) *Manager {
	return &Manager{log: log, options: options}
}

// Add takes a component that starts when those it needs are ready. They must
// have been added before, which rules out circles.
func (m *Manager) Add(c Component, needs ...string) error {
	if m.find(c.Name()) != nil {
		return fmt.Errorf("component %s was added twice", c.Name())
	}
	added := &node{Component: c, ready: make(chan struct{})}
	for _, name := range needs {
		needed := m.find(name)
		if needed == nil {
			return fmt.Errorf("component %s needs %s, which is not there", c.Name(), name)
		}
		added.needs = append(added.needs, needed)
	}
	for _, needed := range added.needs {
		needed.neededBy = append(needed.neededBy, added)
	}
	added.become(Waiting, nil)
	m.nodes = append(m.nodes, added)
	return nil
}

func (m *Manager) find(name string) *node {
	at := slices.IndexFunc(m.nodes, func(n *node) bool { return n.Name() == name })
	if at < 0 {
		return nil
	}
	return m.nodes[at]
}

// Report tells about all components in the order in which they were added.
func (m *Manager) Report() []Status {
	report := make([]Status, 0, len(m.nodes))
	for _, n := range m.nodes {
		report = append(report, n.read())
	}
	return report
}

// Run leads all components through their lives. It calls onReady once when all
// are ready, and stops them when ctx ends, which is no error, or when the first
// of them fails. When it returns nothing runs any more.
func (m *Manager) Run(ctx context.Context, onReady func()) error {
	failure := m.runUntilEnd(ctx, onReady)
	if failure != nil && ctx.Err() == nil {
		m.log.Error("stopping, because a component failed", "error", failure)
	} else {
		failure = nil
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.options.StopTimeout)
	defer cancel()
	return errors.Join(failure, m.stop(stopping))
}

func (m *Manager) runUntilEnd(ctx context.Context, onReady func()) error {
	if err := m.each(ctx, m.prepare); err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	for _, n := range m.nodes {
		running.Go(func() error { return m.run(ctx, n) })
	}
	running.Go(func() error {
		for _, n := range m.nodes {
			if !isClosed(ctx, n.ready) {
				return nil
			}
		}
		onReady()
		return nil
	})
	return running.Wait()
}

// each calls do for all components in parallel and returns the first error.
func (m *Manager) each(ctx context.Context, do func(context.Context, *node) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range m.nodes {
		group.Go(func() error { return do(ctx, n) })
	}
	return group.Wait()
}

func (m *Manager) prepare(ctx context.Context, n *node) error {
	if err := n.Init(ctx); err != nil {
		return n.fail("prepare", err)
	}
	n.become(Prepared, nil)
	return nil
}

// run is one component's life until ctx ends or it fails.
func (m *Manager) run(ctx context.Context, n *node) error {
	for _, needed := range n.needs {
		if !isClosed(ctx, needed.ready) {
			return nil
		}
	}
	n.markStarted()
	if err := n.Start(ctx); err != nil {
		return n.fail("start", err)
	}
	var failed <-chan error
	if failing, ok := n.Component.(Failing); ok {
		failed = failing.Failed()
	}
	if err := m.awaitReady(ctx, n, failed); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return n.fail("run", err)
	}
}

func (m *Manager) awaitReady(ctx context.Context, n *node, failed <-chan error) error {
	patient, cancel := context.WithCancel(ctx)
	if m.options.Patience > 0 {
		patient, cancel = context.WithTimeout(ctx, m.options.Patience)
	}
	defer cancel()
	ticker := time.NewTicker(m.options.Poll)
	defer ticker.Stop()
	began := time.Now()
	var problem error
	for {
		err := n.Component.Ready(patient)
		if patient.Err() == nil || problem == nil {
			problem = err // else the question itself was cut off, which explains nothing
		}
		if err == nil {
			n.become(Ready, nil)
			m.log.Info("ready", "component", n.Name(), "after", time.Since(began).Round(time.Millisecond).String())
			close(n.ready)
			return nil
		}
		n.become(Starting, problem)
		select {
		case err := <-failed:
			return n.fail("start", err)
		case <-patient.Done():
			if ctx.Err() != nil {
				return nil
			}
			return n.fail(fmt.Sprintf("become ready within %s", m.options.Patience), problem)
		case <-ticker.C:
		}
	}
}

// stop stops what was started, everything after all that needs it.
func (m *Manager) stop(ctx context.Context) error {
	stopped := make(map[*node]chan struct{}, len(m.nodes))
	for _, n := range m.nodes {
		stopped[n] = make(chan struct{})
	}
	problems := make([]error, len(m.nodes))
	var group sync.WaitGroup
	for i, n := range m.nodes {
		group.Go(func() {
			defer close(stopped[n])
			for _, dependent := range n.neededBy {
				<-stopped[dependent]
			}
			problems[i] = n.stop(ctx)
		})
	}
	group.Wait()
	return errors.Join(problems...)
}

// isClosed waits until the channel is closed; false when ctx ends before.
func isClosed(ctx context.Context, channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	case <-ctx.Done():
		return false
	}
}
