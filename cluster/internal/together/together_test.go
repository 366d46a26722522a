package together

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kedge/internal/multicall"
	"kedge/internal/supervise"
)

// script is a program whose lives a test follows and ends.
type script struct {
	name string
	// begun yields the arguments of each life; over ends the life that takes it.
	begun chan []string
	over  chan error
	alive atomic.Int32
}

func newScript(name string) *script {
	return &script{name: name, begun: make(chan []string, 9), over: make(chan error)}
}

func (s *script) program() multicall.Program {
	return multicall.Program{Name: s.name, Serve: func(ctx context.Context, argv []string) error {
		s.alive.Add(1)
		defer s.alive.Add(-1)
		s.begun <- argv
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.over:
			return err
		}
	}}
}

// bench is a group, and processes that run what it wants.
type bench struct {
	*Group
	socket  string
	scripts []*script
}

func newBench(t *testing.T, names ...string) *bench {
	t.Helper()
	b := &bench{Group: &Group{}, socket: filepath.Join(t.TempDir(), "s")}
	for _, name := range names {
		b.scripts = append(b.scripts, newScript(name))
	}
	if err := b.Open(b.socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// process is one process; what it returns yields how it ended.
func (b *bench) process(ctx context.Context) <-chan error {
	var programs []multicall.Program
	for _, each := range b.scripts {
		programs = append(programs, each.program())
	}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, b.socket, programs) }()
	return ended
}

// started is a member with these arguments that has been started.
func (b *bench) started(t *testing.T, name string, args ...string) *Member {
	t.Helper()
	member := b.Member(supervise.Command{Name: name, Args: args}, supervise.Options{
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Probe: func(context.Context) error { return nil },
	})
	if err := member.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = member.Stop(context.Background()) })
	return member
}

// next is what comes through the channel.
func next[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain until %s", what)
		panic("unreachable")
	}
}

// eventually waits until it holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for give := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(give) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestPartsRunOnceThereIsAProcess(t *testing.T) {
	b := newBench(t, "a", "b")
	a := b.started(t, "a", "--x", "1")
	if err := a.Ready(); err == nil || b.Ready(t.Context()) == nil {
		t.Errorf("nothing runs, and yet: member %v, group %v", err, b.Ready(t.Context()))
	}
	ctx, end := context.WithCancel(t.Context())
	ended := b.process(ctx)
	if got := fmt.Sprint(next(t, b.scripts[0].begun, "a runs")); got != "[a --x 1]" {
		t.Errorf("argv = %s", got)
	}
	eventually(t, "a is ready", func() bool { return a.Ready() == nil && b.Ready(t.Context()) == nil })
	b.started(t, "b")
	next(t, b.scripts[1].begun, "b runs")
	if status := a.Status(); status.Starts != 1 || !status.Healthy {
		t.Errorf("status = %+v; want one start: the other part is none of its business", status)
	}
	end()
	if err := next(t, ended, "the process ends"); err != nil {
		t.Errorf("a process that is asked to end fails: %v", err)
	}
	if alive := b.scripts[0].alive.Load() + b.scripts[1].alive.Load(); alive != 0 {
		t.Errorf("%d parts are alive after the process", alive)
	}
	eventually(t, "a is known not to run", func() bool { return errors.Is(a.Ready(), errAbsent) })
}

func TestPartThatFailsIsStartedAgainAlone(t *testing.T) {
	b := newBench(t, "a", "b")
	a := b.started(t, "a")
	b.started(t, "b")
	b.process(t.Context())
	next(t, b.scripts[0].begun, "a runs")
	next(t, b.scripts[1].begun, "b runs")
	b.scripts[0].over <- errors.New("no address")
	eventually(t, "the reason is known", func() bool { return strings.Contains(fmt.Sprint(a.Ready()), "no address") })
	next(t, b.scripts[0].begun, "a runs again")
	eventually(t, "a is ready again", func() bool { return a.Ready() == nil })
	if status := a.Status(); status.Starts != 2 {
		t.Errorf("status = %+v; want two starts", status)
	}
	select {
	case <-b.scripts[1].begun:
		t.Error("b was started again")
	default:
	}
}

func TestPartThatLeavesSomethingEndsTheProcess(t *testing.T) {
	b := newBench(t, "a", "b")
	b.started(t, "a")
	b.started(t, "b")
	ended := b.process(t.Context())
	next(t, b.scripts[0].begun, "a runs")
	next(t, b.scripts[1].begun, "b runs")
	b.scripts[0].over <- fmt.Errorf("port in use: %w", multicall.ErrLeftovers)
	if err := next(t, ended, "the process ends"); !errors.Is(err, multicall.ErrLeftovers) || !strings.Contains(err.Error(), "a: port in use") {
		t.Errorf("the process ends with %v", err)
	}
	b.process(t.Context())
	next(t, b.scripts[0].begun, "a runs in the next process")
	next(t, b.scripts[1].begun, "b runs in the next process")
}

func TestAnotherStartReplacesAPart(t *testing.T) {
	b := newBench(t, "a")
	before := b.started(t, "a", "old")
	b.process(t.Context())
	next(t, b.scripts[0].begun, "it runs")
	if err := before.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := b.started(t, "a", "old") // files may have changed
	next(t, b.scripts[0].begun, "it runs anew")
	eventually(t, "the old one has ended", func() bool { return b.scripts[0].alive.Load() == 1 })
	eventually(t, "it is ready", func() bool { return after.Ready() == nil })
	if status := after.Status(); status.Starts != 2 {
		t.Errorf("status = %+v; want two starts", status)
	}
}

func TestStoppedPartEndsWhenAnotherIsStarted(t *testing.T) {
	b := newBench(t, "a", "b")
	a := b.started(t, "a")
	b.process(t.Context())
	next(t, b.scripts[0].begun, "a runs")
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.started(t, "b")
	next(t, b.scripts[1].begun, "b runs")
	eventually(t, "a has ended", func() bool { return b.scripts[0].alive.Load() == 0 })
}

func TestProcessWithoutAGroupEnds(t *testing.T) {
	b := newBench(t, "a")
	b.started(t, "a")
	ended := b.process(t.Context())
	next(t, b.scripts[0].begun, "a runs")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := next(t, ended, "the process ends"); err == nil {
		t.Error("it ends as if somebody had asked for it")
	}
	if err := Run(t.Context(), b.socket, nil); err == nil {
		t.Error("nobody says what to run, and that is no error")
	}
}

func TestProgramThatCannotShareIsRefused(t *testing.T) {
	b := newBench(t)
	b.started(t, "kubelet")
	if err := next(t, b.process(t.Context()), "the process ends"); err == nil || !strings.Contains(err.Error(), "kubelet cannot share a process") {
		t.Errorf("error = %v", err)
	}
}
