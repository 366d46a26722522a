package apiproxy

import (
	"context"
	"time"
)

const (
	// maxPending is how many answers, and pieces of watches, may wait until they are kept.
	maxPending = 32
	// keepPause is how long whoever was answered has the processor to itself.
	keepPause = 100 * time.Millisecond
)

// queue is what is still to be kept, one after the other.
type queue struct {
	pending chan func()
	// hurry has an element when somebody waits.
	hurry chan struct{}
	// ended is closed when nothing is kept any more.
	ended chan struct{}
}

func newQueue() *queue {
	return &queue{pending: make(chan func(), maxPending), hurry: make(chan struct{}, 1), ended: make(chan struct{})}
}

// run keeps what was answered, not at once: whoever asked goes on with it first.
// When ctx ends, it keeps what there is.
func (q *queue) run(ctx context.Context) {
	defer close(q.ended)
	for ctx.Err() == nil {
		select {
		case next := <-q.pending:
			q.pause(ctx)
			next()
		case <-ctx.Done():
		}
		for len(q.pending) > 0 {
			(<-q.pending)()
		}
	}
}

// pause ends early when somebody waits.
func (q *queue) pause(ctx context.Context) {
	timer := time.NewTimer(keepPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.hurry:
	case <-ctx.Done():
	}
}

// add has something done when all is kept that was answered before.
func (q *queue) add(do func()) {
	select {
	case q.pending <- do:
		return
	default:
	}
	q.hasten()
	select {
	case q.pending <- do:
	case <-q.ended:
	}
}

// wait returns when all is kept that was answered before.
func (q *queue) wait() {
	kept := make(chan struct{})
	q.add(func() { close(kept) })
	q.hasten()
	select {
	case <-kept:
	case <-q.ended:
	}
}

func (q *queue) hasten() {
	select {
	case q.hurry <- struct{}{}:
	default: // it knows
	}
}
