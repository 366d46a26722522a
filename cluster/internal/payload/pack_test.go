package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// tree is the contents of a payload for tests; links begin with "-> ".
type tree map[string]string

func small() tree {
	return tree{
		"bin/cni": "the plugins", "bin/runc": "the runtime", "cni/bridge": "-> ../bin/cni", "cni/portmap": "-> ../bin/cni",
		"lib/nft/libc.so.6": "a library",
	}
}

// pack appends contents to an executable, for the architecture that runs this.
func pack(t testing.TB, executable string, contents tree) string {
	t.Helper()
	out, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	index := Index{Arch: map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armv7"}[runtime.GOARCH], Versions: map[string]string{}}
	for _, path := range slices.Sorted(maps.Keys(contents)) {
		if link, ok := bytes.CutPrefix([]byte(contents[path]), []byte("-> ")); ok {
			index.Files = append(index.Files, File{Path: path, Link: string(link)})
			continue
		}
		content := []byte(contents[path])
		compressed := encoder.EncodeAll(content, nil)
		mode := fs.FileMode(0o755)
		if filepath.Dir(path) != "bin" {
			mode = 0o644
		}
		index.Files = append(index.Files, File{
			Path: path, Mode: mode, Size: int64(len(content)), SHA256: hexSum(content), FrameSHA256: hexSum(compressed),
			Offset: int64(len(out)), Length: int64(len(compressed)),
		})
		out = append(out, compressed...)
	}
	raw, err := index.canonical()
	if err != nil {
		t.Fatal(err)
	}
	foot := binary.LittleEndian.AppendUint64(nil, uint64(len(out)))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(len(raw)))
	digest := sha256.Sum256(raw)
	foot = append(append(foot, digest[:]...), magicPrefix+"\x01"...)
	path := filepath.Join(t.TempDir(), "kedge")
	if err := os.WriteFile(path, slices.Concat(out, raw, foot), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// plain is an executable of a few bytes.
func plain() string { return sample("absent-amd64") }

// files is what lies below a directory: contents, and "-> target" for links.
func contentsOf(t testing.TB, root string) tree {
	t.Helper()
	found := make(tree)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		}
		raw, err := os.ReadFile(path)
		found[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantTree(t testing.TB, root string, want tree) {
	t.Helper()
	got := contentsOf(t, root)
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s/%s: %.20q of %d bytes; want %.20q of %d", root, name, got[name], len(got[name]), content, len(content))
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s/%s should not be there", root, name)
	}
}

// names lists a directory.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}
