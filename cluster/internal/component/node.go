package component

import (
	"context"
	"fmt"
	"time"
)

func (n *node) read() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

// become changes the state; problem is why it is not better.
func (n *node) become(state State, problem error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.status.State != state {
		n.status = Status{Name: n.Name(), State: state, Since: time.Now()}
	}
	n.status.Problem = ""
	if problem != nil {
		n.status.Problem = problem.Error()
	}
}

// fail tells what the component could not do.
func (n *node) fail(what string, cause error) error {
	n.become(Failed, cause)
	return fmt.Errorf("%s did not %s: %w", n.Name(), what, cause)
}

func (n *node) markStarted() {
	n.mu.Lock()
	n.started = true
	n.mu.Unlock()
	n.become(Starting, nil)
}

// stop stops the component if it was started. One that failed stays failed:
// that is what somebody wants to know afterwards.
func (n *node) stop(ctx context.Context) error {
	n.mu.Lock()
	started, state := n.started, n.status.State
	n.mu.Unlock()
	if !started {
		return nil
	}
	if err := n.Stop(ctx); err != nil {
		return n.fail("stop", err)
	}
	if state != Failed {
		n.become(Stopped, nil)
	}
	return nil
}
