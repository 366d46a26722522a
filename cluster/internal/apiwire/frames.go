package apiwire

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// maxFrame bounds one message of a watch; etcd takes no object of more than 1.5 MB.
const maxFrame = 16 << 20

// lengthSize is how long the length before a message in protobuf is.
const lengthSize = 4

// errFrame says that a watch sends something that cannot be a message.
var errFrame = errors.New("a message of a watch is too long")

// Frames divides a stream into the messages of a watch.
type Frames struct {
	format  Format
	pending []byte
}

// Frames makes one for a stream that begins.
func (f Format) Frames() *Frames { return &Frames{format: f} }

// Feed takes what has arrived and calls visit with each message that is whole.
// What visit gets is valid until it returns.
func (s *Frames) Feed(arrived []byte, visit func(frame []byte)) error {
	s.pending = append(s.pending, arrived...)
	rest := s.pending
	for {
		frame, size, err := s.next(rest)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if len(frame) > 0 {
			visit(frame)
		}
		rest = rest[size:]
	}
	if len(rest) == 0 {
		s.pending = nil // a long message's memory is not kept for the short ones
		return nil
	}
	s.pending = append(s.pending[:0], rest...)
	return nil
}

// next is the first message and how much of the stream it takes; 0: it is not whole yet.
func (s *Frames) next(stream []byte) ([]byte, int, error) {
	if s.format == Protobuf {
		if len(stream) < lengthSize {
			return nil, 0, nil
		}
		length := binary.BigEndian.Uint32(stream)
		switch {
		case length > maxFrame:
			return nil, 0, errFrame
		case len(stream)-lengthSize < int(length):
			return nil, 0, nil
		}
		end := lengthSize + int(length)
		return stream[lengthSize:end], end, nil
	}
	end := bytes.IndexByte(stream, '\n')
	switch {
	case end < 0 && len(stream) > maxFrame:
		return nil, 0, errFrame
	case end < 0:
		return nil, 0, nil
	}
	return bytes.TrimSpace(stream[:end]), end + 1, nil
}
