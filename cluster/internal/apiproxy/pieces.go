package apiproxy

import (
	"io"
	"sync"
)

const (
	// chunk is what a watch waits with that tells something now and then; there are many.
	chunk = 4 << 10
	// bigChunk is for answers of which much comes at once.
	bigChunk = 32 << 10
)

// bigChunks are used again: each answer needs one for a moment.
var bigChunks = sync.Pool{New: func() any { return new([bigChunk]byte) }}

// pieces reads an answer in pieces as large as they come.
type pieces struct {
	from  io.Reader
	small []byte
	big   *[bigChunk]byte // nil while little comes at once
	last  int
}

// piecesOf begins with large ones when much is expected.
func piecesOf(from io.Reader, isMuch bool) *pieces {
	p := &pieces{from: from, small: make([]byte, chunk)}
	if isMuch {
		p.last = chunk
	}
	return p
}

// next reads one, which is valid until the next is read.
func (p *pieces) next() ([]byte, error) {
	switch {
	case p.last < chunk:
		p.release()
	case p.big == nil:
		p.big, _ = bigChunks.Get().(*[bigChunk]byte)
	}
	buffer := p.small
	if p.big != nil {
		buffer = p.big[:]
	}
	size, err := p.from.Read(buffer)
	p.last = size
	return buffer[:size], err
}

// release ends reading.
func (p *pieces) release() {
	if p.big != nil {
		bigChunks.Put(p.big)
		p.big = nil
	}
}
