package payload

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contracts is the directory of samples that the builder's writer is judged by too.
const contracts = "../../../tests/contracts/payload"

// verdict is what the table of samples says of one; see generate.py there.
type verdict struct {
	File    string
	Verdict string
	Found   string
	Says    string
}

func verdicts(t testing.TB) []verdict {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(contracts, "verdicts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table []verdict
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) < 50 {
		t.Fatalf("only %d samples", len(table))
	}
	return table
}

func sample(name string) string { return filepath.Join(contracts, "samples", name) }

func TestSamples(t *testing.T) {
	kinds := map[string]error{"ok": nil, "absent": Absent, "damaged": Damaged, "unsupported": Unsupported}
	for _, want := range verdicts(t) {
		t.Run(want.File, func(t *testing.T) {
			p, err := Open(sample(want.File))
			if err == nil {
				defer p.Close()
				if want.Found == "open" {
					t.Fatal("nothing wrong was found")
				}
				err = p.Verify(t.Context())
			} else if want.Found != "open" {
				t.Fatalf("already opening fails: %v", err)
			}
			if want.Verdict == "ok" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, kinds[want.Verdict]) {
				t.Errorf("error is %v; want %q", err, want.Verdict)
			}
			if err == nil || !strings.Contains(err.Error(), want.Says) || !strings.Contains(err.Error(), want.File) {
				t.Errorf("error is %v; want %s and %q in it", err, want.File, want.Says)
			}
		})
	}
}

func TestIndexOfAGoodSample(t *testing.T) {
	p := open(t, sample("good-armv7"))
	index := p.Index()
	if index.Arch != "armv7" || index.Versions["runc"] != "v1.5.2" || len(index.Files) != 6 {
		t.Errorf("index = %+v", index)
	}
	runc, ok := index.File("bin/runc")
	if !ok || runc.Mode != 0o755 || runc.Size != 400 {
		t.Errorf("runc = %+v", runc)
	}
	if link, ok := index.File("cni/bridge"); !ok || link.Link != "../bin/cni" {
		t.Errorf("link = %+v", link)
	}
	if _, ok := index.File("bin"); ok {
		t.Error("a directory is a file")
	}
}

func open(t testing.TB, path string) *Payload {
	t.Helper()
	p, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// FuzzOpen looks for panics, for readers that trust a number, and for what is
// accepted although it leaves the payload.
func FuzzOpen(f *testing.F) {
	for _, one := range verdicts(f) {
		raw, err := os.ReadFile(sample(one.File))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "kedge")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Open(path)
		if err != nil {
			return
		}
		defer p.Close()
		judgeIndex(t, p.Index())
		_ = p.Verify(t.Context())
	})
}

// FuzzIndex is the parser of the index alone: no digest stands before it.
func FuzzIndex(f *testing.F) {
	for _, one := range verdicts(f) {
		if p, err := Open(sample(one.File)); err == nil {
			raw, err := p.Index().canonical()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
			_ = p.Close()
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if index, err := parseIndex(raw, 100, 1<<20); err == nil {
			judgeIndex(t, index)
		}
	})
}

// judgeIndex states what unpacking relies on, without the parser's help.
func judgeIndex(t *testing.T, index Index) {
	t.Helper()
	seen := make(map[string]bool)
	for _, file := range index.Files {
		if seen[file.Path] || !filepath.IsLocal(file.Path) || filepath.Clean(file.Path) != file.Path {
			t.Errorf("path %q was accepted", file.Path)
		}
		seen[file.Path] = true
		if file.IsLink() && !filepath.IsLocal(filepath.Join(filepath.Dir(file.Path), file.Link)) {
			t.Errorf("link %q to %q was accepted", file.Path, file.Link)
		}
		if !file.IsLink() && (file.Mode != 0o755 && file.Mode != 0o644 || file.Size < 0 || file.Offset < 0 || file.Length <= 0) {
			t.Errorf("file %+v was accepted", file)
		}
	}
}
