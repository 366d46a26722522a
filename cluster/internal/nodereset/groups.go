package nodereset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/cgroups"
)

// groups are the control groups of this node's pods, in all hierarchies: with
// version 1 there is one for each controller.
func (n node) groups() ([]string, error) {
	own := n.pods.groupNames()
	return walkGroups(func(path string) bool {
		for _, name := range own {
			if strings.HasSuffix(path, name) {
				return true
			}
		}
		return false
	})
}

// groupNames are the ends of the paths of the pods' and containers' control
// groups, as the kubelet and runc name them without and with systemd.
func (p pods) groupNames() []string {
	var ends []string
	for _, uid := range p.uids {
		ends = append(ends, "/pod"+uid, "-pod"+strings.ReplaceAll(uid, "-", "_")+".slice")
	}
	for _, c := range p.containers {
		ends = append(ends, "/"+c.namespace+"/"+c.id)
		if len(c.id) >= idLength {
			ends = append(ends, "/"+c.id, "/cri-containerd-"+c.id+".scope")
		}
	}
	return ends
}

// hierarchies are where control groups are mounted.
func hierarchies() ([]string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, fmt.Errorf("find the control groups: %w", err)
	}
	var found []string
	for _, mount := range mounts {
		found = append(found, mount.Mountpoint)
	}
	return found, nil
}

// walkGroups finds the outermost control groups that are wanted.
func walkGroups(isWanted func(path string) bool) ([]string, error) {
	hierarchies, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, hierarchy := range hierarchies {
		err := filepath.WalkDir(hierarchy, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // it has just been removed
			case err != nil:
				return err
			case !entry.IsDir():
				return nil
			case path != hierarchy && isWanted(path):
				found = append(found, path)
				return filepath.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("find the control groups: %w", err)
		}
	}
	return found, nil
}

// removeGroups removes the pods' control groups, and those that held all pods
// when no others are in there.
func (n node) removeGroups(ctx context.Context) error {
	own, err := n.groups()
	if err != nil {
		return err
	}
	problems := []error{remove(own)}
	parents, err := n.groupsOfAllPods()
	problems = append(problems, err)
	for _, parent := range parents {
		switch pids, err := cgroups.GetAllPids(parent); {
		case errors.Is(err, fs.ErrNotExist) || len(pids) > 0:
			// Another kubelet's pods are in there.
		case err != nil:
			problems = append(problems, fmt.Errorf("look into the control group %s: %w", parent, err))
		default:
			problems = append(problems, stopSlice(ctx, parent), remove([]string{parent}))
		}
	}
	return errors.Join(problems...)
}

// groupsOfAllPods are where the kubelet puts all pods, without and with systemd.
func (n node) groupsOfAllPods() ([]string, error) {
	root := "/"
	if n.cluster != nil {
		if chosen, ok := n.cluster.Kubelet["cgroupRoot"].(string); ok {
			root = chosen
		}
	}
	hierarchies, err := hierarchies()
	var found []string
	for _, hierarchy := range hierarchies {
		for _, name := range []string{"kubepods", "kubepods.slice"} {
			if path := filepath.Join(hierarchy, root, name); isDirectory(path) {
				found = append(found, path)
			}
		}
	}
	return found, err
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func remove(groups []string) error {
	var problems []error
	for _, group := range groups {
		if err := cgroups.RemovePath(group); err != nil {
			problems = append(problems, fmt.Errorf("remove the control group %s: %w; processes in %s/cgroup.procs keep it", group, err, group))
		}
	}
	return errors.Join(problems...)
}

// stopSlice lets systemd, where it manages control groups, forget those that it
// made for pods. Stopping a slice stops what is in it.
func stopSlice(ctx context.Context, group string) error {
	slice := filepath.Base(group)
	if _, err := os.Stat("/run/systemd/system"); err != nil || filepath.Ext(slice) != ".slice" {
		return nil
	}
	if output, err := exec.CommandContext(ctx, "systemctl", "stop", slice).CombinedOutput(); err != nil {
		return fmt.Errorf("systemctl stop %s: %w: %s", slice, err, strings.TrimSpace(string(output)))
	}
	return nil
}
