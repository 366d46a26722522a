package airgap

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	executableBits = 0o111
	mostTold       = 5
	// What a device may be asked to keep in memory for one layer, the builder's limit too.
	mostWindowBytes = 128 << 20
	readBytes       = 256 << 10
)

// contents is what one reading of a layer found.
type contents struct {
	digest   string // of the blob
	diffID   string // of the archive inside; empty where that cannot be read
	problems []string
}

// readLayer reads a blob once, for both digests and all members.
func readLayer(ctx context.Context, blob io.Reader, machine machine) (contents, error) {
	hash, inner := sha256.New(), sha256.New()
	raw := bufio.NewReaderSize(io.TeeReader(&stoppable{ctx, blob}, hash), readBytes)
	var found contents
	content, err := decompress(raw)
	if err == nil {
		defer content.Close()
		archive := io.TeeReader(content, inner)
		if found.problems, err = readMembers(archive, machine); err == nil {
			_, err = io.CopyBuffer(io.Discard, archive, make([]byte, readBytes))
		}
	}
	if ctx.Err() != nil {
		return contents{}, ctx.Err()
	}
	if err != nil {
		found.problems = append(found.problems, err.Error())
	} else {
		found.diffID = fmt.Sprintf("sha256:%x", inner.Sum(nil))
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return contents{}, err
	}
	found.digest = fmt.Sprintf("sha256:%x", hash.Sum(nil))
	return found, nil
}

// stoppable ends a reading when nobody waits for it any more.
type stoppable struct {
	ctx    context.Context
	source io.Reader
}

func (s *stoppable) Read(target []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.source.Read(target)
}

func decompress(raw *bufio.Reader) (io.ReadCloser, error) {
	magic, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(mostWindowBytes))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(raw)
	}
	return io.NopCloser(raw), nil
}

func readMembers(source io.Reader, machine machine) ([]string, error) {
	var problems []string
	more := 0
	tell := func(what string) {
		if len(problems) < mostTold {
			problems = append(problems, what)
		} else {
			more++
		}
	}
	archive := tar.NewReader(source)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return problems, fmt.Errorf("it cannot be read: %w", err)
		}
		if slices.Contains(strings.Split(header.Name, "/"), "..") {
			tell(fmt.Sprintf("the name %q leads out of the image", header.Name))
		}
		if header.Typeflag != tar.TypeReg || header.Mode&executableBits == 0 {
			continue
		}
		head := make([]byte, headerBytes)
		count, err := io.ReadFull(archive, head)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return problems, fmt.Errorf("it cannot be read: %w", err)
		}
		if what := machine.judge(head[:count]); what != "" {
			tell("/" + strings.TrimLeft(header.Name, "./") + " " + what)
		}
	}
	if more > 0 {
		problems = append(problems, fmt.Sprintf("and %d more", more))
	}
	return problems, nil
}
