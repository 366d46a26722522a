package supervise

import "time"

const (
	minBackoff = time.Second
	// MaxBackoff is the longest pause before a process is started again.
	MaxBackoff = time.Minute
)

// backoff is the pause before the next start: twice as long each time.
type backoff struct {
	pause time.Duration
}

func (b *backoff) next() time.Duration {
	pause := max(b.pause, minBackoff)
	b.pause = min(pause*2, MaxBackoff)
	return pause
}

func (b *backoff) reset() { b.pause = 0 }
