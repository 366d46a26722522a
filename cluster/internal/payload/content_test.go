package payload

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestContent(t *testing.T) {
	contents := small()
	contents["bin/large"] = strings.Repeat("large", contentLimit/5+1)
	p, err := Open(pack(t, os.Args[0], contents))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got, err := p.Content(context.Background(), "lib/nft/libc.so.6"); err != nil || string(got) != "a library" {
		t.Errorf("content = %q, %v", got, err)
	}
	for _, name := range []string{"lib/nft/libd.so.6", "cni/bridge"} {
		if _, err := p.Content(context.Background(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	if _, err := p.Content(context.Background(), "bin/large"); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error = %v", err)
	}
}

func TestContentIsCompared(t *testing.T) {
	file := pack(t, os.Args[0], small())
	p, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := p.index.File("bin/runc")
	defer p.Close()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[at.Offset+at.Length-6] ^= 1
	damaged := filepath.Join(t.TempDir(), "kedge")
	if err := os.WriteFile(damaged, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	other, err := Open(damaged)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got, err := other.Content(context.Background(), "bin/runc"); !errors.Is(err, Damaged) {
		t.Errorf("content = %q, %v", got, err)
	}
}
