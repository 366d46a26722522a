package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
)

// Behind the payload's footer there may be a bundle of images, as it is, and
// behind that a footer of the same form: offset and length of the bundle, its
// SHA-256, magic. The bundle is read where it lies.
const (
	bundleFormat      = 1
	bundleMagicPrefix = "kedge-bundle\x00\x00\x00" // one byte follows: the format's number
)

// bundle is where the bundle of images lies in the file.
type bundle struct {
	offset int64
	length int64
	digest [sha256.Size]byte
}

// Bundle is the bundle of images that the file carries; ok is false where it
// carries none. It can be read until the payload is closed.
func (p *Payload) Bundle() (content *io.SectionReader, ok bool) {
	if p.bundle.length == 0 {
		return nil, false
	}
	return io.NewSectionReader(p.file, p.bundle.offset, p.bundle.length), true
}

// BundleDigest is the SHA-256 that the footer names of the bundle, in hexadecimal
// digits; empty where the file carries none.
func (p *Payload) BundleDigest() string {
	if p.bundle.length == 0 {
		return ""
	}
	return hex.EncodeToString(p.bundle.digest[:])
}

// findBundle looks for a bundle at the end of a file of size bytes whose
// executable part ends at end; one of no length means that there is none.
func findBundle(file io.ReaderAt, end, size int64) (bundle, error) {
	if size < end+footerSize {
		return bundle{}, nil
	}
	raw := make([]byte, footerSize)
	if _, err := file.ReadAt(raw, size-footerSize); err != nil {
		return bundle{}, err
	}
	magic := raw[footerSize-len(bundleMagicPrefix)-1:]
	if !bytes.HasPrefix(magic, []byte(bundleMagicPrefix)) {
		return bundle{}, nil
	}
	if number := magic[len(bundleMagicPrefix)]; number != bundleFormat {
		return bundle{}, unknownFormat(int(number))
	}
	offset, length := binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[8:])
	if offset < uint64(end) || offset > uint64(size) || length != uint64(size-footerSize)-offset {
		return bundle{}, fmt.Errorf("the last footer places the bundle of images at %d with %d bytes, which does not end at that footer", offset, length)
	}
	found := bundle{offset: int64(offset), length: int64(length)}
	copy(found.digest[:], raw[16:])
	return found, nil
}

// verifyBundle reads the bundle, if there is one.
func (p *Payload) verifyBundle(ctx context.Context) error {
	content, ok := p.Bundle()
	if !ok {
		return nil
	}
	sum := sha256.New()
	if _, err := io.Copy(&judge{ctx: ctx, target: sum, left: p.bundle.length}, content); err != nil {
		return fmt.Errorf("read the bundle of images in %s: %w", p.path, err)
	}
	if !bytes.Equal(sum.Sum(nil), p.bundle.digest[:]) {
		return &Error{
			Kind: Damaged, Path: p.path, Problem: "the bundle of images does not have the SHA-256 that its footer names", Hint: fetchAgain,
		}
	}
	return nil
}
