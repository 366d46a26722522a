package together

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"kedge/internal/supervise"
)

// sendTimeout is for a process that does not read what it is told.
const sendTimeout = 5 * time.Second

// Group is components that run in one process. Its zero value has none.
type Group struct {
	// Process tells how the process is that they run in.
	Process func() supervise.Status

	mu       sync.Mutex
	listener net.Listener
	process  net.Conn // nil while there is none
	members  []*Member
}

// Open makes the socket that the process dials.
func (g *Group) Open(socket string) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("make the socket of a process: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("make the socket of a process: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("make the socket of a process: %w", err), listener.Close())
	}
	g.mu.Lock()
	g.listener = listener
	g.mu.Unlock()
	go g.accept(listener)
	return nil
}

// Close makes the process end, if it has not yet.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener == nil {
		return nil
	}
	err := g.listener.Close()
	if g.process != nil {
		err = errors.Join(err, g.process.Close())
	}
	return err
}

// Ready is nil while there is a process.
func (g *Group) Ready(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.process == nil {
		return errors.New("it has not asked yet what it shall run")
	}
	return nil
}

// accept serves one process after the other until the socket is closed.
func (g *Group) accept(listener net.Listener) {
	for {
		process, err := listener.Accept()
		if err != nil {
			return
		}
		g.use(process)
		g.listen(process)
		g.use(nil)
		_ = process.Close()
	}
}

// use takes a new process for the one that runs the components; nil: there is none.
func (g *Group) use(process net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.process = process
	for _, member := range g.members {
		member.become(false, errAbsent)
	}
	g.tell()
}

// tell sends what shall run. A process that does not hear it is of no use any
// more: it is hung up, and ends. The next one is told anyway.
func (g *Group) tell() {
	if g.process == nil {
		return
	}
	message := wanted{Parts: []part{}}
	for _, member := range g.members {
		if member.wanted {
			message.Parts = append(message.Parts, member.part)
		}
	}
	err := g.process.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err == nil {
		err = json.NewEncoder(g.process).Encode(message)
	}
	if err != nil {
		_ = g.process.Close()
	}
}

// listen hears how the components fare until the process has ended.
func (g *Group) listen(process net.Conn) {
	messages := json.NewDecoder(process)
	for {
		var message told
		if err := messages.Decode(&message); err != nil {
			return
		}
		g.mu.Lock()
		at := slices.IndexFunc(g.members, func(m *Member) bool { return m.part.Name == message.Name })
		if at >= 0 {
			g.members[at].hear(message)
		}
		g.mu.Unlock()
	}
}
