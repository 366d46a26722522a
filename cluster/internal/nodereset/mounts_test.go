package nodereset

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

func mounted(t *testing.T, source, kind string, flags uintptr, path ...string) string {
	t.Helper()
	dir := filepath.Join(path...)
	must(t, os.MkdirAll(dir, 0o755))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	must(t, unix.Mount(source, dir, kind, flags, ""))
	return dir
}

func isMounted(t *testing.T, path string) bool {
	t.Helper()
	if !exists(path) {
		return false
	}
	is, err := mountinfo.Mounted(path)
	must(t, err)
	return is
}

func TestUnmount(t *testing.T) {
	onMachine(t, func(t *testing.T) {
		n := testNode(t)
		l := n.layout
		card := mounted(t, "card", "tmpfs", 0, l.DataDir)
		stick := mounted(t, "stick", "tmpfs", 0, l.Images())
		volumes := mounted(t, "volume", "tmpfs", 0, t.TempDir())
		must(t, os.MkdirAll(l.Kubelet(), 0o700))
		kubelet := mounted(t, l.Kubelet(), "", unix.MS_BIND, l.Kubelet())
		volume := mounted(t, volumes, "", unix.MS_BIND, l.Kubelet(), "pods", ownPod, "volumes", "with a blank")
		inner := mounted(t, "inner", "tmpfs", 0, volume, "inner")
		root := mounted(t, "root", "tmpfs", 0, l.ContainerdState(), "rootfs")
		write(t, "photo", volumes, "kept")
		busy, err := os.Open(root)
		must(t, err)
		defer busy.Close()

		for range 2 {
			if err := n.unmount(); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range []string{kubelet, volume, inner, root} {
			if isMounted(t, path) {
				t.Errorf("%s is still mounted", path)
			}
		}
		for _, path := range []string{card, stick, volumes} {
			if !isMounted(t, path) {
				t.Errorf("%s, which is the user's, is not mounted any more", path)
			}
		}
		if !exists(filepath.Join(volumes, "kept")) {
			t.Error("what a pod kept is gone")
		}
	})
}
