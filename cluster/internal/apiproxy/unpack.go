package apiproxy

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
)

// gzipped is how API servers pack long answers.
const gzipped = "gzip"

func unpack(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return readUnpacked(reader)
}

func readUnpacked(reader *gzip.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(reader, maxKept+1))
	if err == nil && len(content) > maxKept {
		err = errTooLong
	}
	return content, err
}

// unpacker unpacks a watch, in which API servers pack by themselves all events
// that they tell at once. It holds nothing while nothing is told.
type unpacker struct{ packed []byte }

// add takes what has arrived, and returns what can be read by now.
func (u *unpacker) add(arrived []byte) ([]byte, error) {
	u.packed = append(u.packed, arrived...)
	var content []byte
	for u.mayBeWhole() {
		one, size, err := unpackFirst(u.packed)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
		content, u.packed = append(content, one...), u.packed[size:]
	}
	switch {
	case len(u.packed) == 0:
		u.packed = nil
	case len(u.packed) > maxKept:
		return nil, errTooLong
	}
	return content, nil
}

// mayBeWhole says that what is there may end with the end of something packed,
// which is the length of what is in it (RFC 1952): that is not looked for in vain
// with each piece of a long one.
func (u *unpacker) mayBeWhole() bool {
	const trailer = 8
	if len(u.packed) < trailer {
		return false
	}
	return binary.LittleEndian.Uint32(u.packed[len(u.packed)-4:]) <= maxKept
}

// unpackFirst unpacks the first of what was packed one after the other, and says
// how long that is.
func unpackFirst(packed []byte) ([]byte, int, error) {
	source := bytes.NewReader(packed)
	reader, err := gzip.NewReader(source)
	if err != nil {
		return nil, 0, err
	}
	reader.Multistream(false)
	content, err := readUnpacked(reader)
	return content, len(packed) - source.Len(), err
}
