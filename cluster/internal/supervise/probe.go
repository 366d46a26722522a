package supervise

import (
	"context"
	"time"
)

const (
	// probePause lies at least between two questions whether a process serves that
	// did not; probePeriod between those to one that did.
	probePause  = 100 * time.Millisecond
	probePeriod = 15 * time.Second
	// probeShare is what of the time that it does not serve may pass until it is
	// asked again: slow devices take minutes to start, and each question costs them
	// a handshake.
	probeShare = 20
	// probeTimeout bounds one question.
	probeTimeout = 10 * time.Second
)

// Watch asks whether something serves until ctx ends, and tells note each
// answer. It asks again soon while the answer is bad, and seldom while it is
// good, but at once when something comes through changed, which may be nil.
func Watch(ctx context.Context, probe func(context.Context) error, changed <-chan struct{}, note func(error)) {
	began := time.Now()
	for {
		asked := time.Now()
		asking, cancel := context.WithTimeout(ctx, probeTimeout)
		err := probe(asking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		note(err)
		if err == nil {
			began = time.Now()
		}
		timer := time.NewTimer(pauseAfter(err, time.Since(began), time.Since(asked)))
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// pauseAfter is how long to wait after an answer that took so long, from something
// that has not served for a while.
func pauseAfter(answer error, silent, took time.Duration) time.Duration {
	if answer == nil {
		return probePeriod
	}
	return min(max(probePause, silent/probeShare, took), probePeriod)
}

// probe asks whether the process serves until ctx ends.
func (s *Supervisor) probe(ctx context.Context, healthy chan<- struct{}) {
	serves := func() {
		select {
		case healthy <- struct{}{}:
		default:
		}
	}
	if s.options.Probe == nil {
		// Nothing can be asked: to live counts as health, for the backoff after a while.
		s.noteProbe(nil)
		if PauseFor(ctx, MaxBackoff) {
			serves()
		}
		return
	}
	Watch(ctx, s.options.Probe, nil, func(err error) {
		if err == nil {
			serves()
		}
		s.noteProbe(err)
	})
}

func (s *Supervisor) noteProbe(err error) {
	s.note(func(status *Status) {
		status.Healthy, status.Problem = err == nil, ""
		if err != nil {
			status.Problem = err.Error()
		}
	})
}

// PauseFor waits, and tells whether ctx still goes on.
func PauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
