// Package airgap reads bundles of images (OCI image layouts in a tar archive) and
// proves them before anything else gets one byte: containerd imports a bundle
// with missing blobs or for another platform without a word.
package airgap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"kedge/internal/payload"
)

// Bundle is an open bundle: one file, or the parts of one in their order.
type Bundle struct {
	Name string // for people
	// Digest is the SHA-256 that the executable names which carries the bundle; empty
	// for files. It tells one bundle from another, and proves nothing.
	Digest string

	size  int64
	parts []part
}

type part struct {
	content io.ReaderAt
	closer  io.Closer
	start   int64 // in the whole bundle
	size    int64
}

// Open opens the files that make up one bundle. The caller closes it.
func Open(paths ...string) (*Bundle, error) {
	b := &Bundle{Name: paths[0]}
	for _, path := range paths {
		if err := b.add(path); err != nil {
			return nil, errors.Join(fmt.Errorf("open the bundle: %w", err), b.Close())
		}
	}
	return b, nil
}

// OpenEmbedded opens the bundle that a kedge file carries, the running one's where
// path is empty; ok is false where it carries none. The caller closes it.
func OpenEmbedded(path string) (b *Bundle, ok bool, err error) {
	p, err := openPayload(path)
	if errors.Is(err, payload.Absent) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	content, ok := p.Bundle()
	if !ok {
		return nil, false, p.Close()
	}
	one := part{content: content, closer: p, size: content.Size()}
	return &Bundle{Name: p.Path(), Digest: p.BundleDigest(), size: one.size, parts: []part{one}}, true, nil
}

func openPayload(path string) (*payload.Payload, error) {
	if path == "" {
		return payload.OpenRunning()
	}
	return payload.Open(path)
}

func (b *Bundle) add(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	b.parts = append(b.parts, part{content: file, closer: file, start: b.size, size: info.Size()})
	b.size += info.Size()
	return nil
}

// Close closes all parts.
func (b *Bundle) Close() error {
	var all []error
	for _, one := range b.parts {
		if one.closer != nil {
			all = append(all, one.closer.Close())
		}
	}
	return errors.Join(all...)
}

// Reader reads the whole bundle from its beginning.
func (b *Bundle) Reader() io.ReadSeeker { return b.section(0, b.size) }

func (b *Bundle) section(offset, size int64) *io.SectionReader {
	return io.NewSectionReader(b, offset, size)
}

// ReadAt reads across the borders of parts.
func (b *Bundle) ReadAt(target []byte, offset int64) (int, error) {
	done := 0
	at := sort.Search(len(b.parts), func(index int) bool { return b.parts[index].start+b.parts[index].size > offset })
	for ; at < len(b.parts) && done < len(target); at++ {
		inside := offset + int64(done) - b.parts[at].start
		most := min(int64(len(target)-done), b.parts[at].size-inside)
		count, err := b.parts[at].content.ReadAt(target[done:done+int(most)], inside)
		done += count
		if err != nil && (!errors.Is(err, io.EOF) || int64(count) < most) {
			return done, err
		}
	}
	if done < len(target) {
		return done, io.EOF
	}
	return done, nil
}
