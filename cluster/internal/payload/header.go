package payload

import (
	"encoding/binary"
	"io"
)

// readHeader reads a structure from the start of an ELF file. All
// architectures of kedge are little endian.
func readHeader(file io.ReaderAt, header any) error {
	return binary.Read(io.NewSectionReader(file, 0, int64(binary.Size(header))), binary.LittleEndian, header)
}
