package supervise

import "time"

const (
	minBackoff = time.Second
	// MaxBackoff is the longest pause before a process is started again.
	MaxBackoff = time.Minute
)

// Backoff is the pause before the next start: twice as long each time.
type Backoff struct {
	pause time.Duration
}

// Next is the pause now.
func (b *Backoff) Next() time.Duration {
	pause := max(b.pause, minBackoff)
	b.pause = min(pause*2, MaxBackoff)
	return pause
}

// Reset makes the next pause short again.
func (b *Backoff) Reset() { b.pause = 0 }
