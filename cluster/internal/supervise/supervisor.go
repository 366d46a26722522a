package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Status is what can be told about a supervised process.
type Status struct {
	// PID is 0 while nothing runs.
	PID int `json:"pid,omitempty"`
	// Starts counts how often the process was started.
	Starts int `json:"starts"`
	// Healthy says that the process answered the last probe.
	Healthy bool `json:"healthy"`
	// Problem is how the process ended last, or why it does not serve.
	Problem string `json:"problem,omitempty"`
}

// Supervisor keeps one process running.
type Supervisor struct {
	command Command
	options Options

	stop    chan struct{} // closed by Stop
	stopped chan struct{} // closed when nothing runs any more
	once    sync.Once

	mu      sync.Mutex
	status  Status
	running *process // the last that was started
}

// New makes a supervisor; Start starts it.
func New(command Command, options Options) *Supervisor {
	return &Supervisor{command: command, options: options, stop: make(chan struct{}), stopped: make(chan struct{})}
}

// Start ends what an earlier kedge left behind and starts the process. When
// that fails nothing runs; from then on the process is started again whenever it ends.
func (s *Supervisor) Start(ctx context.Context) error {
	err := s.endStale(ctx)
	if err == nil {
		err = s.command.checkListens()
	}
	if err == nil {
		var first *process
		if first, err = s.launch(); err == nil {
			go s.keep(first)
			return nil
		}
	}
	close(s.stopped)
	return err
}

// Stop ends the process, with force after its time is over or when ctx ends,
// and returns when it is gone.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.once.Do(func() { close(s.stop) })
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running != nil {
		running.kill()
	}
	<-s.stopped
	return nil
}

// Status tells how the process is.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Ready is nil when the process answered its last probe.
func (s *Supervisor) Ready() error {
	status := s.Status()
	switch {
	case status.Healthy:
		return nil
	case status.Problem != "":
		return errors.New(status.Problem)
	}
	return errors.New("it has not answered yet")
}

// keep starts the process again whenever it ends, until Stop.
func (s *Supervisor) keep(p *process) {
	defer close(s.stopped)
	pause := Backoff{}
	for {
		if p != nil {
			if !s.watch(p, &pause) {
				return
			}
		}
		if !s.sleep(pause.Next()) {
			return
		}
		var err error
		if p, err = s.launch(); err != nil {
			s.note(func(status *Status) { status.Problem = err.Error() })
			s.options.Log.Error("cannot be started", "error", err)
		}
	}
}

// watch follows one life of the process; false says that it is not wanted any more.
func (s *Supervisor) watch(p *process, pause *Backoff) bool {
	probing, cancel := context.WithCancel(context.Background())
	healthy := make(chan struct{}, 1)
	var prober sync.WaitGroup
	prober.Go(func() { s.probe(probing, healthy) })
	defer func() {
		cancel()
		prober.Wait()
		s.note(func(status *Status) { status.PID, status.Healthy = 0, false })
		s.forget()
	}()
	for {
		select {
		case <-healthy:
			pause.Reset()
		case <-p.done:
			problem := "the process ended: " + p.end
			if last := p.output.lastLine(); last != "" {
				problem += ": " + last
			}
			s.note(func(status *Status) { status.Problem = problem })
			s.options.Log.Warn("ended by itself", "pid", p.pid, "how", p.end)
			return true
		case <-s.stop:
			s.end(p)
			return false
		}
	}
}

// end asks the process to end, and makes it when its time is over.
func (s *Supervisor) end(p *process) {
	p.terminate()
	timeout := time.NewTimer(s.options.StopTimeout)
	defer timeout.Stop()
	select {
	case <-p.done:
		return
	case <-timeout.C:
		s.options.Log.Warn("did not end in time and is killed", "pid", p.pid, "timeout", s.options.StopTimeout.String())
	}
	p.kill()
	<-p.done
}

func (s *Supervisor) note(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

// launch starts the process and notes it where a later kedge finds it.
func (s *Supervisor) launch() (*process, error) {
	p, err := launch(s.command, s.options.Owner, &output{log: s.options.Log})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.running = p
	s.status.PID, s.status.Starts = p.pid, s.status.Starts+1
	s.mu.Unlock()
	if err := s.remember(p.pid); err != nil {
		// The kernel ends the process together with kedge all the same.
		s.options.Log.Warn("the running process cannot be noted", "error", err)
	}
	if err := setOOMScore(p.pid, s.command.OOMScoreAdjust); err != nil {
		s.options.Log.Debug("the kernel's readiness to kill cannot be set", "error", err)
	}
	s.options.Log.Info("started", "pid", p.pid)
	return p, nil
}

// sleep waits; false when Stop is called meanwhile.
func (s *Supervisor) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stop:
		return false
	}
}

func (s *Supervisor) describe(err error, what string) error {
	return fmt.Errorf("%s: %s: %w", s.command.Name, what, err)
}
