package nodereset

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// unmount takes away what is mounted below the directories of the kubelet and
// containerd, the last first. Nobody uses it any more, and a server of files
// that does not answer is not waited for.
func (n node) unmount() error {
	mounts, err := n.mounts()
	if err != nil {
		return err
	}
	for _, mount := range slices.Backward(mounts) {
		if err := detach(mount.Mountpoint); err != nil {
			return err
		}
	}
	left, err := n.mounts()
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%s is still mounted; unmount it, then 'kedge reset' again", left[0].Mountpoint)
	}
	return err
}

// mounts are those of pods. A disk that the user mounted for one of the
// directories is not.
func (n node) mounts() ([]*mountinfo.Info, error) {
	l := n.layout
	found, err := mountinfo.GetMounts(func(mount *mountinfo.Info) (skip, stop bool) {
		for _, dir := range []string{l.Kubelet(), l.Containerd(), l.ContainerdState()} {
			if strings.HasPrefix(mount.Mountpoint, dir+"/") {
				return false, false
			}
		}
		return !isOverItself(mount, l.Kubelet()), false
	})
	if err != nil {
		return nil, fmt.Errorf("look for mounts: %w", err)
	}
	return found, nil
}

// isOverItself is true for a directory that is mounted at its own place, as the
// kubelet does with its own where mounts are not passed on.
func isOverItself(mount *mountinfo.Info, dir string) bool {
	return mount.Mountpoint == dir && mount.Root != "/"
}

func detach(path string) error {
	err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	return nil
}
