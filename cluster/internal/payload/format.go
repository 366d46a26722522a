package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// The format, number 1: ELF executable, zstd frames, index, footer, one after
// the other without padding. The index has two digests of each file: that of its
// frame is compared while it is unpacked, that of its content afterwards (see
// Verify, VerifyUnpacked). The footer is the file's last 64 bytes: offset and
// length of the index (little endian), SHA-256 of the index, magic. A bundle of
// images may follow, with a footer of its own (bundle.go).
const (
	// Format is the number of the format that this package reads.
	Format      = 1
	footerSize  = 64
	magicPrefix = "kedge-payload\x00\x00" // one byte follows: the format's number
	// windowLimit bounds what a decoder keeps in memory.
	windowLimit = 8 << 20
	// indexLimit bounds what Open reads into memory. Two hundred files take 40 kB.
	indexLimit = 1 << 20
	// sizeLimit bounds one file, so that a wrong number cannot fill a disk.
	sizeLimit = 1 << 30
)

// frameMagic begins every zstd frame (RFC 8878, 3.1.1).
var frameMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

type footer struct {
	offset int64
	length int64
	digest [sha256.Size]byte
}

// parseFooter reads the last bytes of a file of size bytes. present is false
// when there is no magic; then the file may still be one that was cut short.
func parseFooter(raw []byte, size int64) (f footer, present bool, err error) {
	magic := raw[footerSize-len(magicPrefix)-1:]
	if !bytes.HasPrefix(magic, []byte(magicPrefix)) {
		return footer{}, false, nil
	}
	if number := magic[len(magicPrefix)]; number != Format {
		return footer{}, true, unknownFormat(int(number))
	}
	offset, length := binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[8:])
	if length > indexLimit {
		return footer{}, true, fmt.Errorf("the footer gives the index %d bytes; %d are the most", length, indexLimit)
	}
	if offset > math.MaxInt64-indexLimit || int64(offset)+int64(length) != size-footerSize {
		return footer{}, true, fmt.Errorf("the footer places the index at %d with %d bytes, which does not end at the footer", offset, length)
	}
	f = footer{offset: int64(offset), length: int64(length)}
	copy(f.digest[:], raw[16:])
	return f, true, nil
}

// formatError is a format number that this package does not know.
type formatError int

func unknownFormat(number int) error { return formatError(number) }

func (e formatError) Error() string {
	return fmt.Sprintf("the payload has format %d; this kedge reads format %d", int(e), Format)
}
