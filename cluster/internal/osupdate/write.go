package osupdate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"kedge/internal/fetch"
)

// syncBytes are written before the disk must have them: on a small machine memory
// would fill with what the disk has not taken yet.
const syncBytes = 8 << 20

// Target is the partition that is written to.
type Target interface {
	io.ReaderAt
	io.WriterAt
	// Sync returns when the disk has everything.
	Sync() error
	// Forget has later reads come from the disk.
	Forget() error
}

// Source is where blocks come from.
type Source interface {
	// Read fills data from offset on; until end, more is wanted.
	Read(data []byte, offset, end int64) error
	Bytes() int64
}

var _ Source = (*fetch.Sections)(nil)

// Figures are bytes: of the system, of what lay at its place already, of what was
// copied from the slot in use, what was fetched, and what was written.
type Figures struct {
	Size    int64 `json:"sizeBytes"`
	Kept    int64 `json:"keptBytes"`
	Copied  int64 `json:"copiedBytes"`
	Fetched int64 `json:"fetchedBytes"`
	Written int64 `json:"writtenBytes"`
}

// writing is one update on its way to a partition.
type writing struct {
	manifest Manifest
	target   Target
	active   io.ReaderAt
	source   Source
	figures  Figures
	buffer   []byte
	dirty    int64
}

// write makes target hold what the manifest says. Until all of it is there, target
// begins with zeros: nothing can take it for a file system. Every block is verified
// before it is written, and all of them once more when they are read back.
func (w *writing) write(ctx context.Context) error {
	w.buffer = make([]byte, w.manifest.BlockSize)
	w.figures.Size = w.manifest.Size
	missing, err := w.missing()
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		if err := w.fill(ctx, missing); err != nil {
			return err
		}
	}
	return w.readBack()
}

func (w *writing) fill(ctx context.Context, missing []int64) error {
	size, err := used(w.active)
	if err != nil {
		return err
	}
	here, err := w.manifest.find(w.active, size, missing)
	if err != nil {
		return err
	}
	if err := w.put(make([]byte, w.manifest.length(0)), 0); err != nil {
		return err
	}
	if err := w.sync(); err != nil {
		return err
	}
	first := make([]byte, w.manifest.length(0))
	for number, block := range missing {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		content := w.buffer[:w.manifest.length(block)]
		if block == 0 {
			content = first
		}
		if err := w.obtain(content, missing[number:], here); err != nil {
			return err
		}
		if block == 0 {
			continue
		}
		if err := w.put(content, block*w.manifest.BlockSize); err != nil {
			return err
		}
	}
	if err := w.sync(); err != nil {
		return err
	}
	if err := w.put(first, 0); err != nil {
		return err
	}
	return w.sync()
}

// missing are the blocks that target does not hold at their place. The first is among
// them as soon as any is.
func (w *writing) missing() ([]int64, error) {
	var missing []int64
	for block := range w.manifest.blocks() {
		content := w.buffer[:w.manifest.length(block)]
		if _, err := w.target.ReadAt(content, block*w.manifest.BlockSize); err != nil {
			return nil, fmt.Errorf("read the slot that is not in use: %w", err)
		}
		if !w.manifest.isBlock(block, content) {
			missing = append(missing, block)
		} else {
			w.figures.Kept += int64(len(content))
		}
	}
	if len(missing) > 0 && missing[0] != 0 {
		w.figures.Kept -= w.manifest.length(0)
		missing = slices.Insert(missing, 0, 0)
	}
	return missing, nil
}

// obtain has the first of the missing blocks in content, from here or from the source.
func (w *writing) obtain(content []byte, missing []int64, here map[int64]int64) error {
	block := missing[0]
	if at, is := here[block]; is {
		if _, err := w.active.ReadAt(content, at); err == nil && w.manifest.isBlock(block, content) {
			w.figures.Copied += int64(len(content))
			return nil
		}
		delete(here, block) // the disk gives something else now
	}
	end := block*w.manifest.BlockSize + int64(len(content))
	for next, each := range missing[1:] {
		if _, is := here[each]; is || each != block+int64(next)+1 {
			break
		}
		end = each*w.manifest.BlockSize + w.manifest.length(each)
	}
	err := w.source.Read(content, block*w.manifest.BlockSize, end)
	w.figures.Fetched = w.source.Bytes()
	if err != nil {
		return err
	}
	if !w.manifest.isBlock(block, content) {
		return fmt.Errorf("%s is not the file that was signed: it differs at byte %d", w.manifest.File, block*w.manifest.BlockSize)
	}
	return nil
}

func (w *writing) put(content []byte, at int64) error {
	n, err := w.target.WriteAt(content, at)
	w.figures.Written += int64(n)
	w.dirty += int64(n)
	if err == nil && w.dirty >= syncBytes {
		err = w.sync()
	}
	if err != nil {
		return fmt.Errorf("write to the slot that is not in use: %w", err)
	}
	return nil
}

func (w *writing) sync() error {
	w.dirty = 0
	return errors.Join(w.target.Sync(), w.target.Forget())
}

// readBack compares what the disk holds with what was signed.
func (w *writing) readBack() error {
	if err := w.target.Forget(); err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, io.NewSectionReader(w.target, 0, w.manifest.Size), w.buffer); err != nil {
		return fmt.Errorf("read the slot back: %w", err)
	}
	if found := hex.EncodeToString(hash.Sum(nil)); found != w.manifest.Digest {
		return errors.New("the slot does not hold what was written to it; the disk may be failing")
	}
	return nil
}

// used is how long the squashfs on a partition is: its superblock says so.
func used(active io.ReaderAt) (int64, error) {
	var superblock [48]byte
	if _, err := active.ReadAt(superblock[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read the slot in use: %w", err)
	}
	if !bytes.HasPrefix(superblock[:], []byte("hsqs")) {
		return 0, nil
	}
	return int64(binary.LittleEndian.Uint64(superblock[40:])), nil
}
