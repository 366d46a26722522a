// Package firstboot makes a device what node.yaml on its card says. Every step
// may be interrupted by a power cut, and does at the next start what is left.
//
// What the card says is kept on the data partition once it was found right, and
// applied at each start: in /run, and in /etc, which every slot has its own of.
package firstboot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kedge/internal/wholefile"
)

// Device is the machine. Tests have theirs in a directory.
type Device struct {
	// Root is the root of its file system.
	Root string
	// SetHostName names the running system.
	SetHostName func(name string) error
	// Now is what the clock says, and SetClock sets it.
	Now      func() time.Time
	SetClock func(time.Time) error
	// Run runs a program of the machine.
	Run func(ctx context.Context, argv ...string) error
}

// Where things lie. What is kept is root's alone: it lets the device join.
const (
	keptDir      = "var/lib/device/first-boot"
	keptNode     = keptDir + "/node.yaml"
	keptFiles    = keptDir + "/files"
	keptUnpacked = keptDir + "/unpacked"
	keptJoined   = keptDir + "/joined"
	memoryMark   = "run/device/data-in-memory" // made by the initrd
	nodeDir      = "run/device/node"
	issueFile    = "run/issue.d/20-node.issue"
	distribution = "usr/lib/device/distribution.json"
)

func (d Device) path(name string) string { return filepath.Join(d.Root, name) }

// has is true of what cannot be looked at, too: a mark that cannot be read counts.
func (d Device) has(name string) bool {
	_, err := os.Lstat(d.path(name))
	return !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENOTDIR)
}

// Joined says whether the device has been a node of its cluster: from then on
// its card tells it nothing new.
func (d Device) Joined() bool { return d.has(keptJoined) }

// ThisDevice is the running one.
func ThisDevice(setHostName func(string) error, setClock func(time.Time) error) Device {
	return Device{
		Root:        "/",
		SetHostName: setHostName,
		Now:         time.Now,
		SetClock:    setClock,
		Run: func(ctx context.Context, argv ...string) error {
			output, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(output)))
			}
			return nil
		},
	}
}

// Modes of what is written.
const (
	private    = 0o600
	public     = 0o644
	privateDir = 0o700
	publicDir  = 0o755
)

// write makes a file hold content, in a directory that is made for it.
func write(name string, content []byte, mode os.FileMode) error {
	if err := makeDir(filepath.Dir(name), publicDir); err != nil {
		return err
	}
	return wholefile.Write(name, content, mode)
}

// makeDir makes a directory and those above it; the disk has their names when it returns.
func makeDir(name string, mode os.FileMode) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(name)
	if err := makeDir(parent, publicDir); err != nil {
		return err
	}
	if err := os.Mkdir(name, mode); err != nil {
		return err
	}
	return wholefile.SyncDirectory(parent)
}

// readIfThere is nil where there is no such file.
func readIfThere(name string) ([]byte, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil && content == nil {
		content = []byte{}
	}
	return content, err
}
