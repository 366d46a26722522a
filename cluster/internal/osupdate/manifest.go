// Package osupdate writes another version of the operating system into the slot that
// is not in use, and judges whether it works once it was started.
package osupdate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"aead.dev/minisign"

	"kedge/internal/fetch"
	"kedge/internal/slots"
	"kedge/internal/upgrade"
)

const (
	// format is raised when a manifest changes its meaning.
	format = 1
	// mostManifestBytes has room for the blocks of 8 GiB.
	mostManifestBytes = 16 << 20
	leastBlock        = 4 << 10
	mostBlock         = 1 << 20
	sumSize           = 4
)

// Manifest is what an update's signature is over: what it is for, and every block of
// the file system that is written to a slot.
type Manifest struct {
	Format int `json:"format"`
	slots.About
	// File lies beside the manifest.
	File      string `json:"file"`
	Size      int64  `json:"size_bytes"`
	Digest    string `json:"sha256"`
	BlockSize int64  `json:"block_bytes"`
	// Digests are SHA-256 of the blocks, Sums their Adler-32 with the highest byte
	// first: by these, blocks are found at any place of the slot in use.
	Digests []byte `json:"blocks"`
	Sums    []byte `json:"sums"`
}

// Read receives a manifest, and refuses it when none of keys signed it. Without keys,
// anything is taken.
func Read(ctx context.Context, source fetch.Source, keys []minisign.PublicKey) (Manifest, error) {
	var manifest Manifest
	var received limited
	if err := upgrade.Receive(ctx, source, &received, keys); err != nil {
		return manifest, err
	}
	if err := json.Unmarshal(received.content.Bytes(), &manifest); err != nil {
		return manifest, fmt.Errorf("%s is no update: %w", source.Where, err)
	}
	if manifest.Format > format {
		return manifest, fmt.Errorf("%s is of a format (%d) that only a newer kedge knows", source.Where, manifest.Format)
	}
	if err := manifest.check(); err != nil {
		return manifest, fmt.Errorf("%s is damaged, or was not made by the builder: %w", source.Where, err)
	}
	return manifest, nil
}

func (m Manifest) check() error {
	digest, err := hex.DecodeString(m.Digest)
	switch {
	case m.Format != format:
		return fmt.Errorf("format %d", m.Format)
	case err != nil || len(digest) != sha256.Size:
		return errors.New("sha256 is none")
	case m.File == "" || m.File != filepath.Base(m.File) || strings.HasPrefix(m.File, "."):
		return fmt.Errorf("file %q does not lie beside it", m.File)
	case m.BlockSize < leastBlock || m.BlockSize > mostBlock || m.Size < 1:
		return fmt.Errorf("%d bytes in blocks of %d", m.Size, m.BlockSize)
	case int64(len(m.Digests)) != m.blocks()*sha256.Size || int64(len(m.Sums)) != m.blocks()*sumSize:
		return errors.New("it does not have as many digests as blocks")
	}
	return nil
}

func (m Manifest) blocks() int64 { return (m.Size + m.BlockSize - 1) / m.BlockSize }

// length is that of a block: the last one may be shorter.
func (m Manifest) length(block int64) int64 { return min(m.BlockSize, m.Size-block*m.BlockSize) }

func (m Manifest) digest(block int64) []byte {
	return m.Digests[block*sha256.Size : (block+1)*sha256.Size]
}

func (m Manifest) sum(block int64) uint32 { return binary.BigEndian.Uint32(m.Sums[block*sumSize:]) }

func (m Manifest) isBlock(block int64, content []byte) bool {
	found := sha256.Sum256(content)
	return bytes.Equal(found[:], m.digest(block))
}

// Refused is everything that speaks against an update.
type Refused []string

func (r Refused) Error() string { return "the update is refused:\n  " + strings.Join(r, "\n  ") }

// Judge tells whether an update may be written to a slot of that many bytes of the
// device that now has own, as one error of type Refused.
func (m Manifest) Judge(own slots.About, slotBytes int64, older bool) error {
	var refused Refused
	refuse := func(text string, arguments ...any) { refused = append(refused, fmt.Sprintf(text, arguments...)) }
	if m.Architecture != own.Architecture {
		refuse("it is made for %s, and this device is %s", m.Architecture, own.Architecture)
	}
	if m.Board != own.Board {
		refuse("it is made for the board %s, and this device is a %s", m.Board, own.Board)
	}
	if m.Size > slotBytes {
		refuse("it takes %d bytes, and a slot has %d", m.Size, slotBytes)
	}
	if why := upgrade.IsOlder(m.Version, own.Version); why != "" && !older {
		refuse("%s; --allow-older takes it all the same", why)
	}
	if len(refused) > 0 {
		return refused
	}
	return nil
}

// limited is a buffer for what must not fill the memory.
type limited struct{ content bytes.Buffer }

func (l *limited) Write(data []byte) (int, error) {
	if l.content.Len()+len(data) > mostManifestBytes {
		return 0, fmt.Errorf("it has more than %d bytes, which no update's manifest has", mostManifestBytes)
	}
	return l.content.Write(data)
}
