package apiproxy

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// probeTimeout bounds one look whether the controller answers.
	probeTimeout = 10 * time.Second
	// probePeriod lies between two while it does not.
	probePeriod = 5 * time.Second
)

// Contact is whether the controller answers.
type Contact struct {
	probe func(context.Context) error
	log   *slog.Logger
	// back is called before the others learn that the controller answers again.
	back func(context.Context)

	mu      sync.Mutex
	now     Now
	changed chan struct{} // closed when it is not so any more
	looked  chan struct{} // closed when the look that was asked for is over
	asked   chan struct{} // has an element when a look is wanted
}

// Now is the state of the contact.
type Now struct {
	// Answers says that the controller does.
	Answers bool
	// Since is when that began; zero: it has not been looked yet.
	Since time.Time
	// Problem is why it does not.
	Problem string
}

func newContact(log *slog.Logger, probe func(context.Context) error, back func(context.Context)) *Contact {
	return &Contact{
		probe: probe, log: log, back: back,
		changed: make(chan struct{}), looked: make(chan struct{}), asked: make(chan struct{}, 1),
	}
}

// Now tells how it is.
func (c *Contact) Now() Now {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// current is the state and what is closed when it ends.
func (c *Contact) current() (Now, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.changed
}

// suspect has it looked whether the controller still answers.
func (c *Contact) suspect() {
	select {
	case c.asked <- struct{}{}:
	default: // somebody asks already
	}
}

// verify looks whether the controller answers now.
func (c *Contact) verify(ctx context.Context) Now {
	c.mu.Lock()
	looked := c.looked
	c.mu.Unlock()
	c.suspect()
	select {
	case <-looked:
	case <-ctx.Done():
	}
	return c.Now()
}

// run looks when it is asked to, and again and again while nobody answers.
func (c *Contact) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.look(ctx)
		var again <-chan time.Time
		timer := time.NewTimer(probePeriod)
		if !c.Now().Answers {
			again = timer.C
		}
		select {
		case <-ctx.Done():
		case <-c.asked:
		case <-again:
		}
		timer.Stop()
	}
}

func (c *Contact) look(ctx context.Context) {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	err := c.probe(probing)
	cancel()
	if ctx.Err() != nil {
		return
	}
	was := c.Now()
	if err == nil && !was.Answers && c.back != nil {
		c.back(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.looked)
	c.looked = make(chan struct{})
	answers, problem := err == nil, ""
	if err != nil {
		problem = err.Error()
	}
	c.now.Problem = problem
	if !was.Since.IsZero() && was.Answers == answers {
		return
	}
	c.now = Now{Answers: answers, Since: time.Now(), Problem: problem}
	close(c.changed)
	c.changed = make(chan struct{})
	if answers {
		c.log.Info("the controller answers")
	} else {
		c.log.Warn("the controller does not answer: the node goes on with what it has seen", "problem", problem)
	}
}
