package osupdate

import (
	"errors"
	"fmt"
	"hash/adler32"
	"io"
)

// modulus is Adler-32's.
const modulus = 65521

// windowBytes are looked at at once.
const windowBytes = 1 << 20

// sums finds blocks by their Adler-32. Most places of a file are none, which few bits
// tell in less time than a map.
type sums struct {
	blocks map[uint32][]int64
	bits   [1 << 14]uint64
}

func (s *sums) add(sum uint32, block int64) {
	s.blocks[sum] = append(s.blocks[sum], block)
	at := spread(sum)
	s.bits[at>>6] |= 1 << (at & 63)
}

func (s *sums) find(sum uint32) []int64 {
	at := spread(sum)
	if s.bits[at>>6]&(1<<(at&63)) == 0 {
		return nil
	}
	return s.blocks[sum]
}

// spread is Fibonacci hashing to 20 bits.
func spread(sum uint32) uint32 { return sum * 2654435761 >> 12 }

// find tells where in the first size bytes of content blocks of the manifest lie,
// those of wanted. They may begin at any byte: what changes in a file system moves
// what is behind it.
func (m Manifest) find(content io.ReaderAt, size int64, wanted []int64) (map[int64]int64, error) {
	known := &sums{blocks: make(map[uint32][]int64)}
	for _, block := range wanted {
		if m.length(block) == m.BlockSize {
			known.add(m.sum(block), block)
		}
	}
	found := make(map[int64]int64)
	if len(known.blocks) == 0 {
		return found, nil
	}
	buffer := make([]byte, windowBytes+m.BlockSize-1)
	for start := int64(0); start+m.BlockSize <= size; start += windowBytes {
		window := buffer[:min(int64(len(buffer)), size-start)]
		if _, err := content.ReadAt(window, start); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("look for blocks that are here already: %w", err)
		}
		m.scan(window, known, func(block, at int64) {
			if _, has := found[block]; !has {
				found[block] = start + at
			}
		})
	}
	return found, nil
}

// scan moves a block's length over the window, byte by byte.
func (m Manifest) scan(window []byte, known *sums, tell func(block, at int64)) {
	length := int(m.BlockSize)
	// What a byte that leaves takes along.
	var leaving [256]int32
	for value := range leaving {
		leaving[value] = int32(value * length % modulus)
	}
	for at := 0; at+length <= len(window); {
		sum := adler32.Checksum(window[at : at+length])
		low, high := int32(sum&0xffff), int32(sum>>16)
		for {
			if blocks := known.find(uint32(high)<<16 | uint32(low)); blocks != nil && m.tellSame(blocks, window[at:at+length], int64(at), tell) {
				at += length
				break
			}
			if at+length >= len(window) {
				return
			}
			out := window[at]
			low = reduce(low - int32(out) + int32(window[at+length]))
			high = reduce(reduce(high-leaving[out]) + low - 1)
			at++
		}
	}
}

// tellSame says whether blocks of that sum really are content.
func (m Manifest) tellSame(blocks []int64, content []byte, at int64, tell func(block, at int64)) bool {
	same := false
	for _, block := range blocks {
		if m.isBlock(block, content) {
			tell(block, at)
			same = true
		}
	}
	return same
}

// reduce is the remainder of what is at most once too large or too small.
func reduce(value int32) int32 {
	switch {
	case value < 0:
		return value + modulus
	case value >= modulus:
		return value - modulus
	}
	return value
}
