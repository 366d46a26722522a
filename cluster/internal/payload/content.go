package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
)

// contentLimit bounds what Content reads into memory.
const contentLimit = 1 << 20

// Content is a small file of the payload, without unpacking anything. The error
// is fs.ErrNotExist for one that it does not have.
func (p *Payload) Content(ctx context.Context, name string) ([]byte, error) {
	file, known := p.index.File(name)
	if !known || file.IsLink() {
		return nil, fmt.Errorf("%s in the payload of %s: %w", name, p.path, fs.ErrNotExist)
	}
	if file.Size > contentLimit {
		return nil, fmt.Errorf("%s in the payload of %s has %d bytes, more than are read into memory", name, p.path, file.Size)
	}
	decoder, err := newFrameDecoder()
	if err != nil {
		return nil, err
	}
	defer decoder.zstd.Close()
	var content bytes.Buffer
	target := &contentSum{Hash: sha256.New(), payload: p, file: file}
	if err := p.decodeFrame(ctx, decoder, file, io.MultiWriter(&content, target)); err != nil {
		return nil, err
	}
	return content.Bytes(), target.done()
}
