package osupdate

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"kedge/internal/fetch"
	"kedge/internal/slots"
)

// TestTheBuildersManifestsAreRead holds both sides to one file: tests/unit/image/test_update.py.
func TestTheBuildersManifestsAreRead(t *testing.T) {
	const contract = "../../../tests/contracts/update"
	manifest, err := Read(t.Context(), fetch.Source{Where: filepath.Join(contract, "edge-generic-amd64.update")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (slots.About{Name: "edge", Version: "0.2.0", Architecture: "amd64", Board: "generic-amd64"}); manifest.About != want {
		t.Errorf("it is for %+v", manifest.About)
	}
	content, err := os.ReadFile(filepath.Join(contract, manifest.File))
	if err != nil || int64(len(content)) != manifest.Size {
		t.Fatalf("%d bytes: %v", len(content), err)
	}
	whole := make([]int64, 0, manifest.blocks())
	for block := range manifest.blocks() {
		if at := block * manifest.BlockSize; !manifest.isBlock(block, content[at:at+manifest.length(block)]) {
			t.Errorf("block %d is another", block)
		}
		whole = append(whole, block)
	}
	// What is found elsewhere is found by its sum.
	moved := append([]byte("moved"), content...)
	found, err := manifest.find(bytes.NewReader(moved), int64(len(moved)), whole)
	if err != nil || len(found) != len(whole)-1 || found[1] != manifest.BlockSize+5 {
		t.Errorf("found at %v: %v", found, err)
	}
}
