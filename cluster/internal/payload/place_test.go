package payload

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// refusals are directories that others may change. Each prepares one below an
// empty directory, and returns the data directory to be used.
var refusals = []struct {
	name    string
	prepare func(t *testing.T, root string) string
	says    []string
	asRoot  bool
}{
	{"a parent that everybody writes to", func(t *testing.T, root string) string {
		return made(t, filepath.Join(root, "open"), 0o777) + "/kedge"
	}, []string{"/open: can be written by everybody", "chmod o-w"}, false},
	{"a data directory that everybody writes to", func(t *testing.T, root string) string {
		return made(t, filepath.Join(root, "open"), 0o757)
	}, []string{"/open: can be written by everybody"}, false},
	{"helpers that a group writes to", func(t *testing.T, root string) string {
		made(t, filepath.Join(root, "helpers"), 0o775)
		return root
	}, []string{"/helpers: can be written by others (mode 0775)", "chmod go-w"}, false},
	{"helpers that is a file", func(t *testing.T, root string) string {
		if err := os.WriteFile(filepath.Join(root, "helpers"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return root
	}, []string{"/helpers: is not a directory"}, false},
	{"a parent of another user", func(t *testing.T, root string) string {
		return owned(t, made(t, filepath.Join(root, "theirs"), 0o755)) + "/kedge"
	}, []string{"/theirs: belongs to another user (65534)", "chown"}, true},
	{"helpers of another user", func(t *testing.T, root string) string {
		owned(t, made(t, filepath.Join(root, "helpers"), 0o755))
		return root
	}, []string{"/helpers: belongs to another user (65534)"}, true},
	{"a link of another user", func(t *testing.T, root string) string {
		made(t, filepath.Join(root, "theirs"), 0o755)
		link(t, "theirs", filepath.Join(root, "helpers"))
		owned(t, filepath.Join(root, "helpers"))
		return root
	}, []string{"/helpers: is a symbolic link of another user (65534)"}, true},
	{"links in a circle", func(t *testing.T, root string) string {
		link(t, "b", filepath.Join(root, "a"))
		link(t, "a", filepath.Join(root, "b"))
		return root + "/a"
	}, []string{"too many levels of symbolic links"}, false},
}

func made(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := errors.Join(os.Mkdir(path, mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func owned(t *testing.T, path string) string {
	t.Helper()
	if err := os.Lchown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	return path
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoriesThatOthersMayChange(t *testing.T) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			if test.asRoot && os.Geteuid() != 0 {
				t.Skip("only root may give files away")
			}
			p := open(t, pack(t, plain(), small()))
			root := t.TempDir()
			dataDir := test.prepare(t, root)
			before := snapshot(t, root)
			_, err := p.Unpack(t.Context(), dataDir)
			if !errors.Is(err, Untrusted) && !errors.Is(err, Unusable) {
				t.Fatalf("error is %v", err)
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error is %v; want %q", err, part)
				}
			}
			if after := snapshot(t, root); !slices.Equal(before, after) {
				t.Errorf("changed: %v to %v", before, after)
			}
		})
	}
}

func TestAnOpenDirectoryIsJudgedAgain(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	info, err := os.Stat(owned(t, made(t, filepath.Join(t.TempDir(), "helpers"), 0o755)))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkOwn("helpers", info); !errors.Is(err, Untrusted) || !strings.Contains(err.Error(), "belongs to another user (65534)") {
		t.Errorf("error is %v", err)
	}
}

func TestAPlantedLinkInPlaceOfTheVersion(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	root := t.TempDir()
	made(t, filepath.Join(root, "helpers"), 0o755)
	made(t, filepath.Join(root, "elsewhere"), 0o755)
	link(t, filepath.Join(root, "elsewhere"), filepath.Join(root, "helpers", p.ID()))
	_, err := p.Unpack(t.Context(), root)
	if !errors.Is(err, Untrusted) || !strings.Contains(err.Error(), p.ID()+": is not a directory, but a symbolic link") {
		t.Errorf("error is %v", err)
	}
	if got := names(t, filepath.Join(root, "elsewhere")); len(got) > 0 {
		t.Errorf("written through the link: %v", got)
	}
}

func TestLinksOfOurOwnAreFollowed(t *testing.T) {
	p := open(t, pack(t, plain(), small()))
	root := t.TempDir()
	made(t, filepath.Join(root, "disk"), 0o755)
	link(t, "disk/../disk", filepath.Join(root, "kedge"))
	dir := unpack(t, p, filepath.Join(root, "kedge"))
	if want := filepath.Join(root, "disk", "helpers", p.ID()); dir.Root() != want {
		t.Errorf("root = %s; want %s", dir.Root(), want)
	}
}

func TestNoexec(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		p := open(t, pack(t, plain(), small()))
		mounted := tmpfs(t, "size=1m")
		remount(t, mounted, unix.MS_NOEXEC)
		for range 2 {
			_, err := p.Unpack(t.Context(), filepath.Join(mounted, "var", "kedge"))
			if !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "the file system at "+mounted+" (tmpfs) is mounted noexec") ||
				!strings.Contains(err.Error(), "remount,exec "+mounted) {
				t.Errorf("error is %v", err)
			}
		}
		if got := names(t, mounted); len(got) > 0 {
			t.Errorf("left behind: %v", got)
		}
		remount(t, mounted, 0)
		unpack(t, p, filepath.Join(mounted, "var", "kedge"))
		remount(t, mounted, unix.MS_NOEXEC)
		if _, err := p.Unpack(t.Context(), filepath.Join(mounted, "var", "kedge")); !errors.Is(err, Unusable) {
			t.Errorf("unpacked, but not startable any more: error is %v", err)
		}
	})
}

func TestReadOnly(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		p := open(t, pack(t, plain(), small()))
		mounted := tmpfs(t, "size=1m")
		remount(t, mounted, unix.MS_RDONLY)
		_, err := p.Unpack(t.Context(), mounted)
		if !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "the file system at "+mounted+" (tmpfs) is mounted read-only") {
			t.Errorf("error is %v", err)
		}
		remount(t, mounted, 0)
		unpack(t, p, mounted)
		remount(t, mounted, unix.MS_RDONLY)
		wantTree(t, unpack(t, p, mounted).Root(), small())
		// Such as a squashfs, which has no free space either.
		full := tmpfs(t, "size=4k")
		remount(t, full, unix.MS_RDONLY)
		if _, err := p.Unpack(t.Context(), full); !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "is mounted read-only") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestAFileSystemThatIsTooSmall(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		p := open(t, pack(t, plain(), mixed(t)))
		mounted := tmpfs(t, "size=400k")
		_, err := p.Unpack(t.Context(), mounted)
		if !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "0.4 MiB free; the helpers need 0.9 MiB") {
			t.Errorf("error is %v", err)
		}
		if got := names(t, mounted); len(got) > 0 {
			t.Errorf("left behind: %v", got)
		}
		few := tmpfs(t, "size=10m,nr_inodes=5")
		if _, err := p.Unpack(t.Context(), few); !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "free inodes; the helpers need") {
			t.Errorf("error is %v", err)
		}
	})
}

// Others may fill the disk while helpers are being unpacked.
func TestAFileSystemThatBecomesFull(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		p := open(t, pack(t, plain(), mixed(t)))
		mounted := tmpfs(t, "size=600k")
		made(t, filepath.Join(mounted, "helpers"), 0o755)
		helpers, err := openHelpers(filepath.Join(mounted, "helpers"))
		if err != nil {
			t.Fatal(err)
		}
		defer helpers.Close()
		err = p.unpackAnew(t.Context(), helpers)
		if !errors.Is(err, Unusable) || !strings.Contains(err.Error(), "became full") || !errors.Is(err, unix.ENOSPC) {
			t.Errorf("error is %v", err)
		}
		wantNothing(t, mounted)
		if err := unix.Mount("", mounted, "", unix.MS_REMOUNT, "size=10m"); err != nil {
			t.Fatal(err)
		}
		unpack(t, p, mounted)
	})
}

func TestAUserWhoMayNotWriteThere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may become another user")
	}
	place, err := os.MkdirTemp("", "kedge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	if err := os.Chmod(place, 0o755); err != nil {
		t.Fatal(err)
	}
	program, executable := filepath.Join(place, "program"), filepath.Join(place, "kedge")
	copyFile(t, self(t), program)
	copyFile(t, pack(t, plain(), small()), executable)
	as := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	c := startWith(t, as, program, "unpack", executable, made(t, filepath.Join(place, "data"), 0o755))
	c.until(t, "ready")
	out, code := c.finish(t)
	if code != 1 || !strings.Contains(out, "may not be used by the present user") || !strings.Contains(out, "run kedge as root") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFindMount(t *testing.T) {
	table := `21 1 254:0 / / rw - ext4 /dev/vda rw
22 21 0:20 / /var rw,noexec shared:1 - tmpfs none rw
23 21 0:21 / /mnt/sd\040card rw - vfat /dev/sda rw
24 21 0:22 / /var rw - xfs /dev/sdb rw
`
	for path, want := range map[string]mount{
		"/":               {"/", "ext4"},
		"/usr/bin":        {"/", "ext4"},
		"/variable":       {"/", "ext4"},
		"/var/lib":        {"/var", "xfs"},
		"/mnt/sd card/x":  {"/mnt/sd card", "vfat"},
		"/mnt/sd card":    {"/mnt/sd card", "vfat"},
		"/mnt/sd\\040car": {"/", "ext4"},
	} {
		if got, ok := findMount(table, path); !ok || got != want {
			t.Errorf("mount of %s = %v, %v; want %v", path, got, ok, want)
		}
	}
}
