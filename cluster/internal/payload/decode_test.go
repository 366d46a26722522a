package payload

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// contradictions are samples whose frames are the right ones, of another
// content than the index says. Unpacking does not hash contents.
var contradictions = []string{"content-other", "content-digest"}

// otherBundle is a sample whose helpers are sound.
const otherBundle = "bundle-other"

func TestADamagedFrameUnpacksNothing(t *testing.T) {
	seen := 0
	for _, want := range verdicts(t) {
		if want.Found != "verify" || slices.Contains(contradictions, want.File) || want.File == otherBundle {
			continue
		}
		seen++
		parent := t.TempDir()
		err := open(t, sample(want.File)).ExtractTo(t.Context(), filepath.Join(parent, "to"))
		if !errors.Is(err, Damaged) {
			t.Errorf("%s: error is %v", want.File, err)
		}
		if left := names(t, parent); len(left) > 0 {
			t.Errorf("%s: left behind: %v", want.File, left)
		}
	}
	if seen < 10 {
		t.Errorf("only %d samples", seen)
	}
}

func TestAnotherContentThanTheIndexSaysIsFoundUnpacked(t *testing.T) {
	for _, name := range contradictions {
		dataDir := t.TempDir()
		p := open(t, sample(name))
		if err := p.ExtractTo(t.Context(), filepath.Join(dataDir, helpersName, p.ID())); err != nil {
			t.Fatal(err)
		}
		wrong, err := p.VerifyUnpacked(t.Context(), dataDir)
		if err != nil || !slices.Contains(wrong, "bin/runc has another content") {
			t.Errorf("%s: wrong = %v, %v", name, wrong, err)
		}
	}
}

func TestBlocksEndWhereTheFrameEnds(t *testing.T) {
	// Three blocks: noise is stored, zeros are one byte repeated, text is compressed.
	noise := make([]byte, 128<<10)
	state := uint32(1)
	for n := range noise {
		state = state*1664525 + 1013904223
		noise[n] = byte(state >> 24)
	}
	text := bytes.Repeat([]byte("a helper of kedge "), 5000)
	path := pack(t, plain(), tree{"bin/a": string(slices.Concat(noise, make([]byte, 128<<10), text))})
	p := open(t, path)
	file, ok := p.Index().File("bin/a")
	if !ok {
		t.Fatal("no bin/a")
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	headerSize, err := p.checkHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	// What follows the frame in the file is the index.
	data := whole[file.Offset : file.Offset+file.Length+2]
	for _, part := range []int{1, 2, 3, 7, 1000, 1 << 20} {
		b := newBlocks(headerSize)
		passed, err := 0, error(nil)
		for chunk := range slices.Chunk(data, part) {
			n, writeErr := b.Write(chunk)
			passed += n
			if err = writeErr; err != nil {
				break
			}
		}
		if !errors.Is(err, errBehindFrame) || passed != int(file.Length) {
			t.Errorf("in parts of %d bytes: %d of %d bytes passed, %v", part, passed, file.Length, err)
		}
	}
}
