package together

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"kedge/internal/multicall"
	"kedge/internal/supervise"
)

const (
	// endTimeout is how long a part may take to end; then its process ends.
	endTimeout = 10 * time.Second
	// steady is how long a part runs until its failures count from one again.
	steady = time.Minute
)

// host is the process's side: it runs what it is told.
type host struct {
	programs []multicall.Program
	running  map[string]*life
	// ended has each life that has ended; only the host's loop reads it.
	ended chan *life

	mu       sync.Mutex
	messages *json.Encoder
}

// life is a part from its start to its end.
type life struct {
	part    part
	began   time.Time
	pause   supervise.Backoff
	end     context.CancelFunc
	problem error         // why it ended; to be read once done is closed
	done    chan struct{} // closed when it has ended
}

// Run runs what the group behind the socket wants, out of these programs, until
// ctx ends, the group is gone, or one of them needs the process's end. Only the
// last two are errors.
func Run(ctx context.Context, socket string, programs []multicall.Program) error {
	var dialer net.Dialer
	group, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("ask what shall run: %w", err)
	}
	defer group.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &host{programs: programs, messages: json.NewEncoder(group), running: make(map[string]*life), ended: make(chan *life)}
	wishes, gone := make(chan wanted), make(chan error, 1)
	go func() { gone <- hear(ctx, group, wishes) }()
	defer h.endAll()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case err = <-gone:
			return fmt.Errorf("hear what shall run: %w", err)
		case wish := <-wishes:
			err = h.become(ctx, wish)
		case over := <-h.ended:
			err = h.again(ctx, over)
		}
		if err != nil {
			return err
		}
	}
}

// hear passes on what the group wants until it is gone.
func hear(ctx context.Context, group io.Reader, wishes chan<- wanted) error {
	decoder := json.NewDecoder(group)
	for {
		var wish wanted
		if err := decoder.Decode(&wish); err != nil {
			return err
		}
		select {
		case wishes <- wish:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// become ends what is not wanted any more and starts what is and does not run.
func (h *host) become(ctx context.Context, wish wanted) error {
	for name, running := range h.running {
		if !slices.ContainsFunc(wish.Parts, func(p part) bool { return p.Name == name && p.Start == running.part.Start }) {
			if err := h.finish(running); err != nil {
				return err
			}
		}
	}
	for _, part := range wish.Parts {
		if h.running[part.Name] == nil {
			if err := h.start(ctx, &life{part: part}, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// start runs a part after a pause.
func (h *host) start(ctx context.Context, l *life, pause time.Duration) error {
	at := slices.IndexFunc(h.programs, func(p multicall.Program) bool { return p.Name == l.part.Name })
	if at < 0 {
		return fmt.Errorf("%s cannot share a process", l.part.Name)
	}
	ctx, l.end = context.WithCancel(ctx)
	l.done = make(chan struct{})
	h.running[l.part.Name] = l
	go func() {
		defer close(l.done)
		if !supervise.PauseFor(ctx, pause) {
			return
		}
		h.tell(told{Name: l.part.Name, Start: l.part.Start})
		l.began = time.Now()
		l.problem = h.programs[at].Serve(ctx, append([]string{l.part.Name}, l.part.Args...))
	}()
	go func() {
		<-l.done
		select {
		case h.ended <- l:
		case <-ctx.Done(): // who ended it waits for that itself
		}
	}()
	return nil
}

// again starts a part anew that has ended by itself, unless something of it goes on.
func (h *host) again(ctx context.Context, over *life) error {
	if h.running[over.part.Name] != over {
		return nil
	}
	if over.problem == nil {
		over.problem = errors.New("it ended without saying why")
	}
	if errors.Is(over.problem, multicall.ErrLeftovers) {
		return fmt.Errorf("%s: %w", over.part.Name, over.problem)
	}
	h.tell(told{Name: over.part.Name, Start: over.part.Start, Problem: over.problem.Error()})
	if time.Since(over.began) > steady {
		over.pause.Reset()
	}
	over.end()
	pause := over.pause.Next()
	return h.start(ctx, &life{part: over.part, pause: over.pause}, pause)
}

// finish ends a part and waits for it.
func (h *host) finish(l *life) error {
	delete(h.running, l.part.Name)
	l.end()
	timeout := time.NewTimer(endTimeout)
	defer timeout.Stop()
	select {
	case <-l.done:
	case <-timeout.C:
		return fmt.Errorf("%s has not ended after %s", l.part.Name, endTimeout)
	}
	if errors.Is(l.problem, multicall.ErrLeftovers) {
		return fmt.Errorf("%s: %w", l.part.Name, l.problem)
	}
	return nil
}

// endAll lets all parts end side by side; the process ends anyway.
func (h *host) endAll() {
	for _, running := range h.running {
		running.end()
	}
	timeout := time.NewTimer(endTimeout)
	defer timeout.Stop()
	for _, running := range h.running {
		select {
		case <-running.done:
		case <-timeout.C:
			return
		}
	}
}

// tell tells the group. One that is gone hears nothing, and its end is seen elsewhere.
func (h *host) tell(message told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.messages.Encode(message)
}
