package payload

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// readBuffer is what a decoder reads at once, in bytes; larger blocks pass it by.
const readBuffer = 64 << 10

// sink takes the content of a frame; done is called once its frame is known to
// be right.
type sink interface {
	io.Writer
	done() error
	close() error
}

// openSink makes the sink for the files that share a content.
type openSink func(files []File) (sink, error)

// decode decompresses all frames on the available cores, and compares each
// frame with its SHA-256.
func (p *Payload) decode(ctx context.Context, open openSink) error {
	frames, err := p.index.frames()
	if err != nil {
		return err
	}
	// The largest first, so that no core is left alone with it at the end.
	slices.SortStableFunc(frames, func(a, b frame) int { return cmp.Compare(b.files[0].Size, a.files[0].Size) })
	queue := make(chan frame, len(frames))
	for _, one := range frames {
		queue <- one
	}
	close(queue)
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(frames)) {
		group.Go(func() error { return p.decodeQueue(ctx, queue, open) })
	}
	return group.Wait()
}

func (p *Payload) decodeQueue(ctx context.Context, queue <-chan frame, open openSink) error {
	decoder, err := newFrameDecoder()
	if err != nil {
		return err
	}
	defer decoder.zstd.Close()
	for one := range queue {
		target, err := open(one.files)
		if err != nil {
			return err
		}
		err = p.decodeFrame(ctx, decoder, one.files[0], target)
		if err == nil {
			err = target.done()
		}
		if err := errors.Join(err, target.close()); err != nil {
			return err
		}
	}
	return nil
}

// frameDecoder decompresses one frame after the other with the same buffers,
// and hashes what it reads.
type frameDecoder struct {
	zstd   *zstd.Decoder
	buffer *bufio.Reader
	sum    hash.Hash
}

func newFrameDecoder() (*frameDecoder, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(windowLimit))
	return &frameDecoder{zstd: decoder, buffer: bufio.NewReaderSize(nil, readBuffer), sum: sha256.New()}, err
}

// decodeFrame hashes the frame, not the content: that is a third of the bytes,
// and SHA-256 is slow where the processor has no instructions for it. The
// decoder compares the content with the frame's own checksum.
func (p *Payload) decodeFrame(ctx context.Context, decoder *frameDecoder, file File, target io.Writer) error {
	headerSize, err := p.checkHeader(file)
	if err != nil {
		return err
	}
	decoder.sum.Reset()
	decoder.buffer.Reset(io.TeeReader(
		io.NewSectionReader(p.file, file.Offset, file.Length), io.MultiWriter(decoder.sum, newBlocks(headerSize))))
	if err := decoder.zstd.Reset(decoder.buffer); err != nil {
		return p.damaged(file, err)
	}
	content := &judge{ctx: ctx, target: target, left: file.Size}
	if _, err := decoder.zstd.WriteTo(content); err != nil {
		if content.err != nil {
			return content.err // of the target, not of the payload
		}
		return p.damaged(file, err)
	}
	if content.left != 0 {
		return p.damaged(file, fmt.Errorf("the content ends %d bytes early", content.left))
	}
	// Whatever the decoder left unread belongs to the digest.
	if _, err := io.Copy(io.Discard, decoder.buffer); err != nil {
		return p.damaged(file, err)
	}
	if got := hex.EncodeToString(decoder.sum.Sum(nil)); got != file.FrameSHA256 {
		return p.damaged(file, fmt.Errorf("the frame has SHA-256 %s, not %s", got, file.FrameSHA256))
	}
	return nil
}

// checkHeader reads what a frame says of itself before any memory is spent, and
// returns the bytes that it took for that.
func (p *Payload) checkHeader(file File) (int, error) {
	raw := make([]byte, min(int64(zstd.HeaderMaxSize), file.Length))
	if _, err := p.file.ReadAt(raw, file.Offset); err != nil {
		return 0, p.damaged(file, err)
	}
	var header zstd.Header
	if err := header.Decode(raw); err != nil {
		return 0, p.damaged(file, err)
	}
	switch {
	case header.Skippable || !header.HasFCS || header.FrameContentSize != uint64(file.Size):
		return 0, p.damaged(file, errors.New("the frame does not begin with the size that the index names"))
	case !header.HasCheckSum:
		return 0, p.damaged(file, errors.New("the frame has no checksum"))
	case header.DictionaryID != 0 || header.WindowSize > windowLimit:
		return 0, p.damaged(file, errors.New("the frame needs a dictionary, or a window above 8 MiB"))
	}
	return header.HeaderSize, nil
}

func (p *Payload) damaged(file File, cause error) error {
	return &Error{Kind: Damaged, Path: p.path, Problem: "the payload is damaged at " + file.Path, Cause: cause, Hint: fetchAgain}
}

var errTooLong = errors.New("the content is longer than the index says")

// judge bounds what passes through it.
type judge struct {
	ctx    context.Context
	target io.Writer
	left   int64
	err    error // why the target took no more
}

func (j *judge) Write(data []byte) (int, error) {
	if j.err = context.Cause(j.ctx); j.err != nil {
		return 0, j.err
	}
	if int64(len(data)) > j.left {
		return 0, errTooLong
	}
	j.left -= int64(len(data))
	n, err := j.target.Write(data)
	j.err = err
	return n, err
}

// contentSum is the sink of who only wants to know whether contents are right.
type contentSum struct {
	hash.Hash
	payload *Payload
	file    File
}

func (c *contentSum) done() error {
	if got := hex.EncodeToString(c.Sum(nil)); got != c.file.SHA256 {
		return c.payload.damaged(c.file, fmt.Errorf("the content has SHA-256 %s, not %s", got, c.file.SHA256))
	}
	return nil
}

func (*contentSum) close() error { return nil }

// Verify decompresses everything and compares frames and contents with the
// index, and the bundle of images with its footer. An error is of kind Damaged.
func (p *Payload) Verify(ctx context.Context) error {
	err := p.decode(ctx, func(files []File) (sink, error) {
		return &contentSum{Hash: sha256.New(), payload: p, file: files[0]}, nil
	})
	if err != nil {
		return err
	}
	return p.verifyBundle(ctx)
}
