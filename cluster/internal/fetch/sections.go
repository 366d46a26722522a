package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Sections reads parts of a file in ascending order. Whoever reads knows what belongs
// there: nothing else tells whether the file is still the same.
type Sections struct {
	ctx    context.Context //nolint:containedctx // as long as the file is open
	url    string
	client *http.Client
	file   *os.File
	line   *resuming
	// delay and silence are as of every line.
	delay, silence time.Duration
	// lines counts what former lines brought.
	lines int64
}

// Sections opens the source for reading parts of it.
func (s Source) Sections(ctx context.Context) (*Sections, error) {
	if remote, ok := s.url(""); ok {
		return &Sections{ctx: ctx, url: remote, client: s.client(), delay: resumeDelay, silence: silence}, nil
	}
	file, err := os.Open(s.Where)
	if err != nil {
		return nil, err
	}
	return &Sections{file: file}, nil
}

// Read fills data from offset on, which is not before where the last call ended. Until
// end, more of the file is wanted.
func (s *Sections) Read(data []byte, offset, end int64) error {
	if s.file != nil {
		if _, err := s.file.ReadAt(data, offset); err != nil {
			return fmt.Errorf("read %s at byte %d: %w", s.file.Name(), offset, unexpected(err))
		}
		s.lines += int64(len(data))
		return nil
	}
	if err := s.reach(offset, end); err != nil {
		return err
	}
	if _, err := io.ReadFull(s.line, data); err != nil {
		return fmt.Errorf("fetch %s at byte %d: %w", s.url, offset, unexpected(err))
	}
	return nil
}

// reach has a line that goes on at offset.
func (s *Sections) reach(offset, end int64) error {
	if s.line != nil && s.line.isWholeFile && s.line.at <= offset {
		s.line.end = end
		if _, err := io.CopyN(io.Discard, s.line, offset-s.line.at); err != nil {
			return fmt.Errorf("fetch %s up to byte %d: %w", s.url, offset, unexpected(err))
		}
		return nil
	}
	if s.line != nil && s.line.at == offset && offset < s.line.end {
		return nil
	}
	if err := s.Close(); err != nil {
		return err
	}
	line := &resuming{ctx: s.ctx, url: s.url, client: s.client, at: offset, end: end, size: -1, delay: s.delay, silence: s.silence}
	err := line.connect()
	var refused *refusal
	if err != nil && !errors.As(err, &refused) {
		err = line.resume(err)
	}
	s.line, line.began = line, offset
	return err
}

// Bytes is how many were read until now, unwanted ones too.
func (s *Sections) Bytes() int64 {
	if s.line == nil {
		return s.lines
	}
	return s.lines + s.line.at - s.line.began + s.line.skipped
}

// Close ends it.
func (s *Sections) Close() error {
	if s.file != nil {
		return s.file.Close()
	}
	if s.line == nil {
		return nil
	}
	s.lines = s.Bytes()
	line := s.line
	s.line = nil
	return line.Close()
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
