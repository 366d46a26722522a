package support

import (
	"bytes"
	"sync"
)

// Recent keeps the end of what is written to it.
type Recent struct {
	max int

	mu      sync.Mutex
	content []byte
}

// NewRecent keeps at least max bytes, and at most twice as many.
func NewRecent(max int) *Recent { return &Recent{max: max} }

// Write never fails.
func (r *Recent) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.content = append(r.content, text...)
	if len(r.content) > 2*r.max {
		kept := r.content[len(r.content)-r.max:]
		if _, whole, found := bytes.Cut(kept, []byte("\n")); found {
			kept = whole
		}
		r.content = append(make([]byte, 0, 2*r.max), kept...)
	}
	return len(text), nil
}

// Bytes is what is kept, from the beginning of a line on.
func (r *Recent) Bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.content)
}
