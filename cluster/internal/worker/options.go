// Package worker puts a node together: it decides what runs, in which order and
// with which files, and nothing else.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/validation"

	"kedge/internal/images"
	"kedge/internal/layout"
)

// Options are what the command line says.
type Options struct {
	Layout layout.Layout
	// Join gets the right to join; nil: there is none. A machine that is a node
	// already needs none, and fs.ErrNotExist then is no error.
	Join func(ctx context.Context, isNode bool) (Right, error)
	// Kubeconfig is a file with a node's certificate that was made beforehand;
	// empty: there is none.
	Kubeconfig string
	// NodeName is the node's name; empty: this machine's.
	NodeName string
	// IsOfFleet says that the controller names the node, once somebody has approved this device.
	IsOfFleet bool
	// Profile is the worker profile.
	Profile string
	// Labels and Taints are the Node's when it registers.
	Labels map[string]string
	Taints []string
	// CRISocket is another container runtime's; empty: containerd runs here.
	CRISocket string
	// Release is the list of images that kedge was released with.
	Release func(ctx context.Context) (images.Release, error)
	// UpgradeKeys is the directory of the public keys with which plans' versions may be
	// signed; empty: this machine takes none.
	UpgradeKeys string
	// Platform is what this build is made for.
	Platform string
	// Version and Kubernetes are this build's.
	Version    string
	Kubernetes string
	Log        *slog.Logger
	// RecentLog is the end of what Log wrote.
	RecentLog func() []byte
	// Works is called when everything has served for a while.
	Works func()
}

// nodeName is what the node is called: lower-case letters, since names of
// machines may have others and names of nodes may not.
func (o Options) nodeName() (string, error) {
	name := o.NodeName
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return "", fmt.Errorf("find this machine's name: %w; name the node with --node-name", err)
		}
		name = strings.ToLower(strings.TrimSpace(host))
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return "", fmt.Errorf("%q cannot be a node's name: %s; name it with --node-name", name, strings.Join(problems, "; "))
	}
	if name == "localhost" {
		return "", errors.New("this machine is called localhost, as many are; name the node with --node-name")
	}
	return name, nil
}

// checkMachine refuses what no worker can run on.
func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("a worker starts containers, which needs root")
	}
	return nil
}

// cgroup2Magic is CGROUP2_SUPER_MAGIC of linux/magic.h.
const cgroup2Magic = 0x63677270

// checkCgroups refuses a machine whose control groups are of the first version,
// unless the profile says that the kubelet shall not mind.
func checkCgroups(kubelet map[string]any) error {
	if fail, set := kubelet["failCgroupV1"].(bool); set && !fail {
		return nil
	}
	var found unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &found); err != nil {
		return fmt.Errorf("look for control groups: %w; mount them with: mount -t cgroup2 none /sys/fs/cgroup", err)
	}
	if int64(found.Type) != cgroup2Magic {
		return errors.New("this machine has no control groups of version 2 in /sys/fs/cgroup, which Kubernetes needs;\n  " +
			"with systemd start the kernel with systemd.unified_cgroup_hierarchy=1, elsewhere: mount -t cgroup2 none /sys/fs/cgroup")
	}
	return nil
}

// isSystemd tells whether systemd manages this machine (sd_booted(3)).
func isSystemd() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// isConfined tells whether the kernel lets kedge make no process less likely to
// be killed: it then lacks CAP_SYS_RESOURCE, as in containers.
func isConfined() bool {
	var header unix.CapUserHeader
	var data [2]unix.CapUserData
	header.Version = unix.LINUX_CAPABILITY_VERSION_3
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) == 0
}
