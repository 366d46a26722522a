package payload

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestALargeContentReachesAllItsFiles(t *testing.T) {
	content := make([]byte, 2*flushStep+flushStep/2)
	for n := range content {
		content[n] = byte(n >> 8)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	files := []File{{Path: "a", Mode: 0o755}, {Path: "b", Mode: 0o644}}
	var flushing errgroup.Group
	target, err := createIn(root, &flushing)(files)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(content, 300_000) {
		if n, err := target.Write(part); n != len(part) || err != nil {
			t.Fatalf("%d of %d bytes, %v", n, len(part), err)
		}
	}
	if err := target.done(); err != nil {
		t.Fatal(err)
	}
	if err := flushing.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		got, err := root.ReadFile(file.Path)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", file.Path, len(got), err)
		}
		if info, err := root.Stat(file.Path); err != nil || info.Mode() != file.Mode {
			t.Errorf("%s: %v, %v", file.Path, info.Mode(), err)
		}
	}
}
