package apiproxy

import (
	"bytes"
	"slices"
	"testing"
)

// comes lets itself be read as a connection is: what is there, and then no more.
type comes [][]byte

func (c *comes) Read(into []byte) (int, error) {
	size := copy(into, (*c)[0])
	if (*c)[0] = (*c)[0][size:]; len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	return size, nil
}

func TestPiecesAreAsLargeAsTheyCome(t *testing.T) {
	for isMuch, want := range map[bool][]int{
		true:  {bigChunk, bigChunk, 2 * chunk, 1, 5},
		false: {chunk, bigChunk, bigChunk, chunk, 1, 5},
	} {
		source := &comes{make([]byte, 2*bigChunk+2*chunk), {1}, bytes.Repeat([]byte{2}, 5)}
		pieces := piecesOf(source, isMuch)
		var sizes []int
		for range want {
			piece, err := pieces.next()
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(piece))
		}
		if !slices.Equal(sizes, want) {
			t.Errorf("much is expected: %t: %v, not %v", isMuch, sizes, want)
		}
		if pieces.big != nil {
			t.Error("who waits for little holds much memory")
		}
	}
}
