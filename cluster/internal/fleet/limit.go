package fleet

import (
	"net"
	"sync"

	"k8s.io/client-go/util/flowcontrol"
)

// Bounds of what strangers can make a controller do.
const (
	askedPerSecond, askedAtOnce         = 20, 60
	perAddressPerSecond, perAddressOnce = 5, 20
	// addresses are remembered at most; all are forgotten then.
	addresses = 1024
	// connections are open at most.
	connections = 64
)

// limits let through so many questions, of everybody and of each address.
type limits struct {
	all flowcontrol.PassiveRateLimiter

	mu   sync.Mutex
	each map[string]flowcontrol.PassiveRateLimiter
}

func newLimits() *limits {
	return &limits{all: flowcontrol.NewTokenBucketPassiveRateLimiter(askedPerSecond, askedAtOnce), each: make(map[string]flowcontrol.PassiveRateLimiter)}
}

// admit asks the address's own limit first: who asks too often costs others nothing.
func (l *limits) admit(address string) bool {
	l.mu.Lock()
	own, isKnown := l.each[address]
	if !isKnown {
		if len(l.each) >= addresses {
			clear(l.each)
		}
		own = flowcontrol.NewTokenBucketPassiveRateLimiter(perAddressPerSecond, perAddressOnce)
		l.each[address] = own
	}
	l.mu.Unlock()
	return own.TryAccept() && l.all.TryAccept()
}

// narrow lets so many connections be open; others wait in the kernel's queue.
type narrow struct {
	net.Listener
	slots chan struct{}
	done  chan struct{}
	once  sync.Once
}

func narrowed(listener net.Listener) *narrow {
	return &narrow{Listener: listener, slots: make(chan struct{}, connections), done: make(chan struct{})}
}

// Accept waits for a slot, then for a connection.
func (n *narrow) Accept() (net.Conn, error) {
	select {
	case n.slots <- struct{}{}:
	case <-n.done:
		return nil, net.ErrClosed
	}
	connection, err := n.Listener.Accept()
	if err != nil {
		<-n.slots
		return nil, err
	}
	return &slot{Conn: connection, free: sync.OnceFunc(func() { <-n.slots })}, nil
}

// Close also ends a wait for a slot.
func (n *narrow) Close() error {
	n.once.Do(func() { close(n.done) })
	return n.Listener.Close()
}

type slot struct {
	net.Conn
	free func()
}

func (s *slot) Close() error {
	defer s.free()
	return s.Conn.Close()
}
