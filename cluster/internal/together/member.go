package together

import (
	"context"
	"errors"
	"slices"
	"sync"

	"kedge/internal/supervise"
)

var (
	errSilent = errors.New("it has not answered yet")
	// errAbsent says that nothing runs where the components shall.
	errAbsent = errors.New("the process that it shares with others does not run")
)

// Member is one component of a group: what a Supervisor is for a process.
type Member struct {
	group   *Group
	options supervise.Options

	// Of the group's lock.
	part    part
	wanted  bool
	running bool // the process said so
	starts  int
	problem error // nil: it runs and answered its last probe

	changed chan struct{} // asks for a probe at once
	end     context.CancelFunc
	probing sync.WaitGroup
}

// Member makes a component that does not run yet. Of the command, name and
// arguments count; environment and user are the process's.
func (g *Group) Member(command supervise.Command, options supervise.Options) *Member {
	return &Member{
		group: g, options: options, part: part{Name: command.Name, Args: command.Args},
		problem: errSilent, changed: make(chan struct{}, 1), end: func() {},
	}
}

// Start makes the component run in the group's process from now on. A component
// of that name that ran before has ended then, or will have when this one begins.
func (m *Member) Start(ctx context.Context) error {
	g := m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	before := slices.IndexFunc(g.members, func(other *Member) bool { return other.part.Name == m.part.Name })
	if before >= 0 {
		m.part.Start, m.starts = g.members[before].part.Start+1, g.members[before].starts
		g.members[before] = m
	} else {
		g.members = append(g.members, m)
	}
	m.wanted = true
	g.tell()
	ctx, m.end = context.WithCancel(context.WithoutCancel(ctx))
	m.probing.Go(func() { supervise.Watch(ctx, m.options.Probe, m.changed, m.note) })
	return nil
}

// Stop says that the component is not wanted any more. It ends with its process,
// or when another component is started: where all of them stop, one after the
// other, the process would else be started again for those that are left.
func (m *Member) Stop(context.Context) error {
	m.end()
	m.probing.Wait()
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	m.wanted = false
	return nil
}

// Ready is nil when the component answered its last probe.
func (m *Member) Ready() error {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	return m.problem
}

// Status tells how the component is, and the process that it runs in.
func (m *Member) Status() supervise.Status {
	status := supervise.Status{}
	if m.group.Process != nil {
		status.PID = m.group.Process().PID
	}
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	status.Starts, status.Healthy = m.starts, m.problem == nil
	if m.problem != nil {
		status.Problem = m.problem.Error()
	}
	return status
}

// note takes what a probe found. What does not run has a better explanation.
func (m *Member) note(problem error) {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	if m.running {
		m.problem = problem
	}
}

// become takes what is known of it otherwise, and asks for a probe; the group
// is locked.
func (m *Member) become(running bool, problem error) {
	m.running, m.problem = running, problem
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// hear takes what the process tells; the group is locked. What it tells of a
// part that this one has replaced meanwhile is counted, and no more.
func (m *Member) hear(message told) {
	if message.Problem == "" {
		m.starts++
		m.options.Log.Info("started")
	}
	switch {
	case message.Start != m.part.Start:
		return
	case message.Problem == "":
		m.become(true, errSilent)
	default:
		m.options.Log.Warn("ended by itself", "how", message.Problem)
		m.become(false, errors.New("it ended: "+message.Problem))
	}
}
