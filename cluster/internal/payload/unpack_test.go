package payload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func unpack(t *testing.T, p *Payload, dataDir string) *Dir {
	t.Helper()
	dir, err := p.Unpack(t.Context(), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return dir
}

func TestUnpack(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	dataDir := filepath.Join(t.TempDir(), "var", "lib", "kedge")
	dir := unpack(t, p, dataDir)
	if want := filepath.Join(dataDir, "helpers", p.Digest()[:16]); dir.Root() != want {
		t.Errorf("root = %s; want %s", dir.Root(), want)
	}
	wantTree(t, dir.Root(), small())
	for name, mode := range map[string]fs.FileMode{"bin/runc": 0o755, "lib/nft/libc.so.6": 0o644, "lib/nft": fs.ModeDir | 0o755, ".": fs.ModeDir | 0o755} {
		if info, err := os.Stat(filepath.Join(dir.Root(), name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, mode)
		}
	}
	if got := names(t, filepath.Join(dataDir, "helpers")); !slices.Equal(got, []string{p.ID()}) {
		t.Errorf("beside it lies %v", got)
	}
}

func TestUmaskDoesNotMatter(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	p := open(t, pack(t, plain(), small()))
	dir := unpack(t, p, t.TempDir())
	if info, err := os.Stat(filepath.Join(dir.Root(), "bin/runc")); err != nil || info.Mode() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestPathOfAHelper(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	dir := unpack(t, p, t.TempDir())
	for _, name := range []string{"bin/runc", "cni/bridge", "cni", "lib/nft"} {
		if path, err := dir.Path(name); err != nil || path != filepath.Join(dir.Root(), name) {
			t.Errorf("Path(%q) = %s, %v", name, path, err)
		}
	}
	for _, name := range []string{"bin/nft", "bin/", "", ".", "../x", "bin/run"} {
		if path, err := dir.Path(name); !errors.Is(err, Unknown) {
			t.Errorf("Path(%q) = %s, %v", name, path, err)
		}
	}
}

// snapshot is everything of a tree that writing would change.
func snapshot(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var status syscall.Stat_t
		if err := syscall.Lstat(path, &status); err != nil {
			return err
		}
		found = append(found, strings.Join([]string{
			path, fmt.Sprint(status.Ino), fmt.Sprint(status.Mtim.Nano()), fmt.Sprint(status.Ctim.Nano()), fmt.Sprint(status.Mode), fmt.Sprint(status.Size),
		}, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheSecondStartWritesNothing(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	dataDir := t.TempDir()
	unpack(t, p, dataDir)
	before := snapshot(t, dataDir)
	unpack(t, p, dataDir)
	if after := snapshot(t, dataDir); !slices.Equal(before, after) {
		t.Errorf("before: %v\nafter:  %v", before, after)
	}
}

// damages are what a start notices. Each begins in the unpacked directory.
var damages = map[string]func(root string) error{
	"shorter":         func(root string) error { return os.Truncate(filepath.Join(root, "bin/runc"), 3) },
	"emptied":         func(root string) error { return os.Truncate(filepath.Join(root, "bin/runc"), 0) },
	"removed":         func(root string) error { return os.Remove(filepath.Join(root, "bin/runc")) },
	"owner":           func(root string) error { return os.Chown(filepath.Join(root, "bin/runc"), nobody, nobody) },
	"mode":            func(root string) error { return os.Chmod(filepath.Join(root, "bin/runc"), 0o644) },
	"setuid":          func(root string) error { return os.Chmod(filepath.Join(root, "bin/runc"), 0o755|fs.ModeSetuid) },
	"world-writable":  func(root string) error { return os.Chmod(filepath.Join(root, "bin"), 0o777) },
	"root's mode":     func(root string) error { return os.Chmod(root, 0o700) },
	"directory gone":  func(root string) error { return os.RemoveAll(filepath.Join(root, "lib")) },
	"stray file":      func(root string) error { return os.WriteFile(filepath.Join(root, "cni/firewall"), nil, 0o755) },
	"stray directory": func(root string) error { return os.MkdirAll(filepath.Join(root, "etc/deep"), 0o755) },
	"other link": func(root string) error {
		return errors.Join(os.Remove(filepath.Join(root, "cni/bridge")), os.Symlink("/bin/sh", filepath.Join(root, "cni/bridge")))
	},
	"link for a file": func(root string) error {
		return errors.Join(os.Remove(filepath.Join(root, "bin/runc")), os.Symlink("/bin/sh", filepath.Join(root, "bin/runc")))
	},
	"link for a directory": func(root string) error {
		return errors.Join(os.Rename(filepath.Join(root, "bin"), filepath.Join(root, "nib")), os.Symlink("nib", filepath.Join(root, "bin")))
	},
	"file for a directory": func(root string) error {
		return errors.Join(os.RemoveAll(filepath.Join(root, "bin")), os.WriteFile(filepath.Join(root, "bin"), nil, 0o755))
	},
}

func TestDamageIsRepairedAtTheNextStart(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			p := open(t, pack(t, plain(), small()))
			dataDir := t.TempDir()
			held := unpack(t, p, dataDir)
			before := modesOf(t, held.Root())
			if err := damage(held.Root()); errors.Is(err, fs.ErrPermission) {
				t.Skip("only root may do such damage")
			} else if err != nil {
				t.Fatal(err)
			}
			dir := unpack(t, p, dataDir)
			wantTree(t, dir.Root(), small())
			if after := modesOf(t, dir.Root()); !slices.Equal(before, after) {
				t.Errorf("%v; want %v", after, before)
			}
			if got := names(t, filepath.Join(dataDir, "helpers")); !slices.Equal(got, []string{p.ID()}) {
				t.Errorf("beside it lies %v", got)
			}
			// Who used the directory before still does.
			if !sameFile(t, held.Root(), held) {
				t.Error("the lock of the first user is on another directory now")
			}
		})
	}
}

// modesOf is path, mode and owner of everything.
func modesOf(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			found = append(found, fmt.Sprint(path, info.Mode(), owner(info)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sameFile(t *testing.T, path string, dir *Dir) bool {
	t.Helper()
	now, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := dir.lock.Stat()
	return err == nil && os.SameFile(now, locked)
}

func TestAnotherContentIsFoundByRepair(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	dataDir := t.TempDir()
	dir := unpack(t, p, dataDir)
	if err := os.WriteFile(filepath.Join(dir.Root(), "bin/runc"), []byte("THE RUNTIME"), 0o755); err != nil {
		t.Fatal(err)
	}
	if wrong, err := p.VerifyUnpacked(t.Context(), dataDir); err != nil || !slices.Equal(wrong, []string{"bin/runc has another content"}) {
		t.Errorf("wrong = %v, %v", wrong, err)
	}
	again, err := p.Repair(t.Context(), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	wantTree(t, dir.Root(), small())
	before := snapshot(t, dataDir)
	once, err := p.Repair(t.Context(), dataDir)
	if err != nil || !slices.Equal(before, snapshot(t, dataDir)) {
		t.Errorf("a repair of what is sound wrote something, or failed: %v", err)
	}
	_ = once.Close()
}

func TestADamagedPayloadLeavesNothing(t *testing.T) {
	path := pack(t, plain(), tree{"bin/a": strings.Repeat("content ", 50), "bin/b": strings.Repeat("other ", 5000)})
	p := open(t, path)
	file, ok := p.Index().File("bin/b")
	if !ok {
		t.Fatal("no bin/b")
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[file.Offset+file.Length-8] ^= 0x40
	if err := os.WriteFile(path, flipped, 0o755); err != nil {
		t.Fatal(err)
	}
	dataDir := t.TempDir()
	_, err = p.Unpack(t.Context(), dataDir)
	if !errors.Is(err, Damaged) || !strings.Contains(err.Error(), "bin/b") || !strings.Contains(err.Error(), "fetch the file again") {
		t.Errorf("error is %v", err)
	}
	wantNothing(t, dataDir)
	if err := os.WriteFile(path, whole, 0o755); err != nil {
		t.Fatal(err)
	}
	unpack(t, p, dataDir)
}

func wantNothing(t *testing.T, dataDir string) {
	t.Helper()
	if got := names(t, filepath.Join(dataDir, "helpers")); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestACancelledUnpackLeavesNothing(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	dataDir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Unpack(ctx, dataDir); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	wantNothing(t, dataDir)
	unpack(t, p, dataDir)
}

func TestAnotherArchitecture(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "armv7"} {
		p := open(t, sample("good-"+arch))
		_, err := p.Unpack(t.Context(), t.TempDir())
		if p.checkArch() == nil {
			if err != nil {
				t.Errorf("%s: %v", arch, err)
			}
			continue
		}
		if !errors.Is(err, Unsupported) || !strings.Contains(err.Error(), "for "+arch) {
			t.Errorf("%s: error is %v", arch, err)
		}
		to := filepath.Join(t.TempDir(), "some", "where")
		if err := p.ExtractTo(t.Context(), to); err != nil || len(contentsOf(t, to)) != 6 {
			t.Errorf("%s: %v, %v", arch, err, contentsOf(t, to))
		}
		if err := p.ExtractTo(t.Context(), to); !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "already exists") {
			t.Errorf("%s, again: %v", arch, err)
		}
	}
}
