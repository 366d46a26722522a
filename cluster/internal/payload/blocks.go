package payload

import "errors"

// Of a block (RFC 8878, 3.1.1.2) and of what follows the last one (3.1.1).
const (
	blockHeaderSize = 3
	checksumSize    = 4
	repeatedByte    = 1 // type of a block that holds one byte and how often to repeat it
)

var errBehindFrame = errors.New("more bytes follow the frame")

// blocks follows a frame that passes, block by block, to its end. A decoder
// does not stop there: it takes further frames, and skips those that are to be
// skipped, as if they belonged to the first.
type blocks struct {
	skip   int64 // bytes up to the next header of a block, or to the end
	header []byte
	last   bool
}

// newBlocks begins at the frame's own header of headerSize bytes.
func newBlocks(headerSize int) *blocks {
	return &blocks{skip: int64(headerSize), header: make([]byte, 0, blockHeaderSize)}
}

func (b *blocks) Write(data []byte) (int, error) {
	for at := int64(0); at < int64(len(data)); {
		step := min(b.skip, int64(len(data))-at)
		b.skip, at = b.skip-step, at+step
		if b.skip > 0 || at == int64(len(data)) {
			break
		}
		if b.last {
			return int(at), errBehindFrame
		}
		b.header = append(b.header, data[at])
		at++
		if len(b.header) == blockHeaderSize {
			b.begin()
		}
	}
	return len(data), nil
}

// begin reads the header of a block.
func (b *blocks) begin() {
	number := int64(b.header[0]) | int64(b.header[1])<<8 | int64(b.header[2])<<16
	b.header = b.header[:0]
	b.last, b.skip = number&1 == 1, number>>3
	if number>>1&3 == repeatedByte {
		b.skip = 1
	}
	if b.last {
		b.skip += checksumSize
	}
}
