package payload

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// sink takes the content of a frame; done is called once it is known to be right.
type sink interface {
	io.Writer
	done() error
	close() error
}

// openSink makes the sink for the files that share a content.
type openSink func(files []File) (sink, error)

// decode decompresses all frames on the available cores, and compares each
// content with its SHA-256.
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
	// SHA-256 of the content finds what the frame's own checksum would find.
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(windowLimit), zstd.IgnoreChecksum(true))
	if err != nil {
		return err
	}
	defer decoder.Close()
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

func (p *Payload) decodeFrame(ctx context.Context, decoder *zstd.Decoder, file File, target io.Writer) error {
	section := io.NewSectionReader(p.file, file.Offset, file.Length)
	if err := p.checkHeader(file); err != nil {
		return err
	}
	if err := decoder.Reset(section); err != nil {
		return p.damaged(file, err)
	}
	content := &judge{ctx: ctx, target: target, left: file.Size, sum: sha256.New()}
	if _, err := decoder.WriteTo(content); err != nil {
		if content.err != nil {
			return content.err // of the target, not of the payload
		}
		return p.damaged(file, err)
	}
	if content.left != 0 {
		return p.damaged(file, fmt.Errorf("the content ends %d bytes early", content.left))
	}
	if got := hex.EncodeToString(content.sum.Sum(nil)); got != file.SHA256 {
		return p.damaged(file, fmt.Errorf("the content has SHA-256 %s, not %s", got, file.SHA256))
	}
	return nil
}

// checkHeader reads what a frame says of itself before any memory is spent.
func (p *Payload) checkHeader(file File) error {
	raw := make([]byte, min(int64(zstd.HeaderMaxSize), file.Length))
	if _, err := p.file.ReadAt(raw, file.Offset); err != nil {
		return p.damaged(file, err)
	}
	var header zstd.Header
	if err := header.Decode(raw); err != nil {
		return p.damaged(file, err)
	}
	switch {
	case header.Skippable || !header.HasFCS || header.FrameContentSize != uint64(file.Size):
		return p.damaged(file, errors.New("the frame does not begin with the size that the index names"))
	case !header.HasCheckSum:
		return p.damaged(file, errors.New("the frame has no checksum"))
	case header.DictionaryID != 0 || header.WindowSize > windowLimit:
		return p.damaged(file, errors.New("the frame needs a dictionary, or a window above 8 MiB"))
	}
	return nil
}

func (p *Payload) damaged(file File, cause error) error {
	return &Error{Kind: Damaged, Path: p.path, Problem: "the payload is damaged at " + file.Path, Cause: cause, Hint: fetchAgain}
}

var errTooLong = errors.New("the content is longer than the index says")

// judge hashes and bounds what passes through it.
type judge struct {
	ctx    context.Context
	target io.Writer
	left   int64
	sum    hash.Hash
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
	j.sum.Write(data)
	n, err := j.target.Write(data)
	j.err = err
	return n, err
}

// nowhere is the sink of who only wants to know whether contents are right.
type nowhere struct{ io.Writer }

func (nowhere) done() error  { return nil }
func (nowhere) close() error { return nil }

// Verify decompresses everything and compares it with the index. An error is
// of kind Damaged.
func (p *Payload) Verify(ctx context.Context) error {
	return p.decode(ctx, func([]File) (sink, error) { return nowhere{io.Discard}, nil })
}

// disk writes one content to all files that have it.
type disk struct {
	io.Writer
	handles []*os.File
	files   []File
	// flushing waits for the disk while the cores go on with other files.
	flushing *errgroup.Group
}

func createIn(root *os.Root, flushing *errgroup.Group) openSink {
	return func(files []File) (sink, error) {
		d := &disk{files: files, flushing: flushing}
		var writers []io.Writer
		for _, file := range files {
			handle, err := root.OpenFile(file.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return nil, errors.Join(unusable(root.Name(), err), d.close())
			}
			d.handles, writers = append(d.handles, handle), append(writers, handle)
		}
		d.Writer = io.MultiWriter(writers...)
		return d, nil
	}
}

// done gives the files their modes and begins to flush them.
func (d *disk) done() error {
	for n, handle := range d.handles {
		if err := handle.Chmod(d.files[n].Mode); err != nil {
			return err
		}
	}
	handles := d.handles
	d.handles = nil
	for _, handle := range handles {
		d.flushing.Go(func() error { return errors.Join(handle.Sync(), handle.Close()) })
	}
	return nil
}

func (d *disk) close() error {
	var errs []error
	for _, handle := range d.handles {
		errs = append(errs, handle.Close())
	}
	return errors.Join(errs...)
}

// extract writes everything into an empty directory and onto the disk.
func (p *Payload) extract(ctx context.Context, root *os.Root) error {
	directories := p.index.Directories()
	for _, name := range directories {
		if err := root.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	var flushing errgroup.Group
	err := p.decode(ctx, createIn(root, &flushing))
	if err := errors.Join(err, flushing.Wait()); err != nil {
		return err
	}
	for _, file := range p.index.Files {
		if !file.IsLink() {
			continue
		}
		if err := root.Symlink(file.Link, file.Path); err != nil {
			return err
		}
	}
	for _, name := range append(directories, ".") {
		if err := finishDirectory(root, name); err != nil {
			return err
		}
	}
	return nil
}

func finishDirectory(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Chmod(directoryMode), dir.Sync(), dir.Close())
}
