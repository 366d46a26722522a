package airgap

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestPartsReadAsOne(t *testing.T) {
	whole := "abcdefghij"
	var paths []string
	for number, text := range []string{"abc", "", "d", "efghij"} {
		path := filepath.Join(t.TempDir(), string(rune('0'+number)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	bundle, err := Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close()
	for start := range len(whole) {
		for length := range len(whole) - start + 1 {
			target := make([]byte, length)
			if _, err := bundle.ReadAt(target, int64(start)); err != nil || string(target) != whole[start:start+length] {
				t.Errorf("%d bytes from %d are %q, %v", length, start, target, err)
			}
		}
	}
	if count, err := bundle.ReadAt(make([]byte, 5), 7); count != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", count, err)
	}
	if all, err := io.ReadAll(bundle.Reader()); err != nil || string(all) != whole {
		t.Errorf("all of it is %q, %v", all, err)
	}
}

func TestFilesOfABundle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd[1]*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.tar.00", "a.tar.01", "b.tar.00", "b.tar.02", "c.tar"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		count int // 0: refused
	}{
		"a.tar.00": {2}, "a.tar.01": {2}, "b.tar.00": {0}, "c.tar": {1}, "d.tar.00": {0},
	} {
		files, err := filesOf(filepath.Join(dir, name))
		if len(files) != test.count || (err == nil) != (test.count > 0) {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
}
