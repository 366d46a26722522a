package nodereset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Directories whose place Kubernetes and the network's plugins do not let
// anybody choose, or that other programs look into.
const (
	podLogs       = "/var/log/pods"
	containerLogs = "/var/log/containers"
	cniResults    = "/var/lib/cni/results"
	devicePlugins = "/var/lib/kubelet/device-plugins"
	kubeletDir    = "/var/lib/kubelet"
	cniDir        = "/var/lib/cni"
)

// removeTraces removes this node's files from directories that others have
// files in, too; and the directories when nothing else is in them.
func (n node) removeTraces() error {
	var problems []error
	for dir, isOwn := range map[string]func(name string) bool{
		podLogs:       n.pods.isLogged,
		cniResults:    n.pods.isAttached,
		devicePlugins: func(name string) bool { return name == "kubelet.sock" || name == "kubelet_internal_checkpoint" },
	} {
		problems = append(problems, removeFrom(dir, isOwn))
	}
	// These are links to the logs of pods, which are gone.
	problems = append(problems, removeFrom(containerLogs, func(name string) bool {
		target, err := os.Readlink(filepath.Join(containerLogs, name))
		_, gone := os.Stat(target)
		return err == nil && strings.HasPrefix(target, podLogs+"/") && errors.Is(gone, fs.ErrNotExist)
	}))
	for _, dir := range []string{kubeletDir, cniDir} {
		problems = append(problems, removeEmpty(dir))
	}
	return errors.Join(problems...)
}

// isLogged tells a directory of logs by its pod: NAMESPACE_NAME_UID.
func (p pods) isLogged(name string) bool {
	return slices.ContainsFunc(p.uids, func(uid string) bool { return strings.HasSuffix(name, "_"+uid) })
}

// isAttached tells the result of attaching a pod by its container: NETWORK-CONTAINER-INTERFACE.
func (p pods) isAttached(name string) bool {
	return strings.HasPrefix(name, networkName+"-") || slices.ContainsFunc(p.containers, func(c container) bool {
		return len(c.id) >= idLength && strings.Contains(name, "-"+c.id+"-")
	})
}

func removeFrom(dir string, isOwn func(name string) bool) error {
	entries, err := names(dir)
	if err != nil {
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	var problems []error
	for _, name := range entries {
		if !isOwn(name) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			problems = append(problems, fmt.Errorf("remove what pods left: %w", err))
		}
	}
	return errors.Join(append(problems, removeEmpty(dir))...)
}

// removeEmpty removes a directory with nothing in it. One that is mounted stays.
func removeEmpty(dir string) error {
	err := os.Remove(dir)
	for _, harmless := range []error{fs.ErrNotExist, unix.ENOTEMPTY, unix.EBUSY} {
		if errors.Is(err, harmless) {
			return nil
		}
	}
	return err
}
