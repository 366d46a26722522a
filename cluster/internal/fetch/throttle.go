package fetch

import (
	"context"
	"io"
	"time"
)

// partsPerSecond is into how many a second of a bounded line is cut.
const partsPerSecond = 10

// throttled reads no faster than it may: a server that is not read sends nothing.
type throttled struct {
	io.ReadCloser
	ctx       context.Context //nolint:containedctx // a reader has no other place for it
	perSecond int64
}

func (t *throttled) Read(data []byte) (int, error) {
	data = data[:min(int64(len(data)), max(1, t.perSecond/partsPerSecond))]
	n, err := t.ReadCloser.Read(data)
	select {
	case <-t.ctx.Done():
		return n, t.ctx.Err()
	case <-time.After(time.Duration(n) * time.Second / time.Duration(t.perSecond)):
		return n, err
	}
}
