package supervise

import (
	"context"
	"time"
)

const (
	// probePause lies between two questions whether a process serves that did
	// not yet; probePeriod between those to one that did.
	probePause  = 100 * time.Millisecond
	probePeriod = 15 * time.Second
	// probeTimeout bounds one question.
	probeTimeout = 10 * time.Second
)

// probe asks whether the process serves until ctx ends.
func (s *Supervisor) probe(ctx context.Context, healthy chan<- struct{}) {
	probe, period := s.options.Probe, probePeriod
	if probe == nil {
		// Nothing can be asked: to live counts as health, for the backoff after a while.
		s.note(func(status *Status) { status.Healthy, status.Problem = true, "" })
		probe, period = func(context.Context) error { return nil }, MaxBackoff
		if !pauseFor(ctx, MaxBackoff) {
			return
		}
	}
	for {
		asking, cancel := context.WithTimeout(ctx, probeTimeout)
		err := probe(asking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		next := period
		if err != nil {
			next = probePause
		} else {
			select {
			case healthy <- struct{}{}:
			default:
			}
		}
		s.noteProbe(err)
		if !pauseFor(ctx, next) {
			return
		}
	}
}

func (s *Supervisor) noteProbe(err error) {
	s.note(func(status *Status) {
		status.Healthy, status.Problem = err == nil, ""
		if err != nil {
			status.Problem = err.Error()
		}
	})
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
