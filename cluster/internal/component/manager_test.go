package component

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// journal collects what happened, in order.
type journal struct {
	mu     sync.Mutex
	events []string
}

func (j *journal) add(event string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, event)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.events, " ")
}

// scripted is a component that does what a test wants.
type scripted struct {
	name     string
	journal  *journal
	initErr  error
	startErr error
	readyIn  time.Duration
	readyErr error
	stopErr  error
	hangs    bool
	failed   chan error

	startedAt time.Time
}

func (s *scripted) Name() string { return s.name }

func (s *scripted) Init(context.Context) error { return s.initErr }

func (s *scripted) Start(context.Context) error {
	s.journal.add("+" + s.name)
	s.startedAt = time.Now()
	return s.startErr
}

func (s *scripted) Ready(ctx context.Context) error {
	if s.readyErr != nil {
		return s.readyErr
	}
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if time.Since(s.startedAt) < s.readyIn {
		return errors.New("not yet")
	}
	return nil
}

func (s *scripted) Stop(ctx context.Context) error {
	s.journal.add("-" + s.name)
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.stopErr
}

func (s *scripted) Failed() <-chan error { return s.failed }

var _ Failing = (*scripted)(nil)

func newTestManager(t *testing.T, parts ...*scripted) (*Manager, *journal) {
	t.Helper()
	m := NewManager(slog.New(slog.DiscardHandler), Options{Poll: 100 * time.Millisecond, Patience: time.Minute, StopTimeout: 10 * time.Second})
	j := &journal{}
	var before []string
	for _, part := range parts {
		part.journal = j
		if err := m.Add(part, before...); err != nil {
			t.Fatal(err)
		}
		before = append(before, part.name)
	}
	return m, j
}

// runFor runs the manager until the time is over.
func runFor(t *testing.T, m *Manager, d time.Duration, onReady func()) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return m.Run(ctx, onReady)
}

func TestComponentsStartAlongTheirNeedsAndStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := newTestManager(t, &scripted{name: "a", readyIn: 5 * time.Second}, &scripted{name: "b", readyIn: time.Second}, &scripted{name: "c"})
		began := time.Now()
		if err := runFor(t, m, time.Minute, func() { j.add("ready"); j.add(time.Since(began).String()) }); err != nil {
			t.Fatal(err)
		}
		if got, want := j.String(), "+a +b +c ready 6s -c -b -a"; got != want {
			t.Errorf("events = %s; want %s", got, want)
		}
		for _, status := range m.Report() {
			if status.State != Stopped {
				t.Errorf("%s is %s at the end", status.Name, status.State)
			}
		}
	})
}

func TestComponentsThatNeedTheSameStartTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := newTestManager(t, &scripted{name: "store", readyIn: time.Second})
		for _, name := range []string{"x", "y", "z"} {
			if err := m.Add(&scripted{name: name, journal: j, readyIn: 10 * time.Second}, "store"); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		var took time.Duration
		if err := runFor(t, m, time.Minute, func() { took = time.Since(began) }); err != nil {
			t.Fatal(err)
		}
		if took != 11*time.Second {
			t.Errorf("ready after %s; want 11s", took)
		}
	})
}

func TestFirstFailureStopsAllThatRuns(t *testing.T) {
	broken := errors.New("the cause")
	failed := make(chan error, 1)
	for name, test := range map[string]struct {
		second *scripted
		want   string // of the error
		events string
		within time.Duration
	}{
		"while it is prepared":  {&scripted{initErr: broken}, "b did not prepare: the cause", "", 0},
		"while it starts":       {&scripted{startErr: broken}, "b did not start: the cause", "+a +b -b -a", 0},
		"while it is waited on": {&scripted{readyErr: broken}, "b did not become ready within 1m0s: the cause", "+a +b -b -a", time.Minute},
		"while it runs":         {&scripted{failed: failed}, "b did not run: the cause", "+a +b -b -a", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.second.name = "b"
				if test.second.failed != nil {
					test.second.failed = make(chan error, 1)
					test.second.failed <- broken
				}
				m, j := newTestManager(t, &scripted{name: "a"}, test.second)
				began := time.Now()
				err := runFor(t, m, time.Hour, func() {})
				if err == nil || err.Error() != test.want {
					t.Errorf("error = %v; want %s", err, test.want)
				}
				if !errors.Is(err, broken) {
					t.Error("the cause cannot be found in the error")
				}
				if took := time.Since(began); took != test.within {
					t.Errorf("took %s; want %s", took, test.within)
				}
				if j.String() != test.events {
					t.Errorf("events = %s; want %s", j, test.events)
				}
				if status := m.Report()[1]; status.State != Failed || status.Problem != "the cause" {
					t.Errorf("status = %+v", status)
				}
			})
		})
	}
}

func TestQuestionThatHangsIsNotTheReportedProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &scripted{name: "a", readyIn: time.Hour}
		m, _ := newTestManager(t, c)
		time.AfterFunc(30*time.Second, func() { c.hangs = true })
		err := runFor(t, m, time.Hour, func() {})
		if err == nil || !strings.Contains(err.Error(), "a did not become ready within 1m0s: not yet") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := newTestManager(t, &scripted{name: "a"}, &scripted{name: "b", hangs: true})
		began := time.Now()
		err := runFor(t, m, time.Second, func() { j.add("ready") })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v; want that of b, which does not stop", err)
		}
		if took := time.Since(began); took != 11*time.Second {
			t.Errorf("took %s; want 11s", took)
		}
		if got, want := j.String(), "+a +b -b -a"; got != want {
			t.Errorf("events = %s; want %s", got, want)
		}
	})
}

func TestEndBeforeReadyIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, j := newTestManager(t, &scripted{name: "a", readyIn: 30 * time.Second}, &scripted{name: "b"})
		if err := runFor(t, m, time.Second, func() { j.add("ready") }); err != nil {
			t.Fatal(err)
		}
		if got, want := j.String(), "+a -a"; got != want {
			t.Errorf("events = %s; want %s: b was never started", got, want)
		}
	})
}

func TestAddRefusesWhatCannotBeOrdered(t *testing.T) {
	m, _ := newTestManager(t, &scripted{name: "a"})
	for want, err := range map[string]error{
		"component a was added twice":                   m.Add(&scripted{name: "a"}),
		"component b needs c, which is not there":       m.Add(&scripted{name: "b"}, "c"),
		"component self needs self, which is not there": m.Add(&scripted{name: "self"}, "self"),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error = %v; want %s", err, want)
		}
	}
}
