package nodereset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

const (
	// endTime is how long killed processes may take to end: one that waits for a
	// disk ends when the disk answers.
	endTime = 30 * time.Second
	// lookPeriod lies between two looks at what is left.
	lookPeriod = 50 * time.Millisecond
)

// endProcesses kills the pods and what holds them. Those who hold them come
// first: nobody then reports, or starts anew, what ends.
func (n node) endProcesses(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	for {
		left, err := n.killAll()
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes do not end: %s; when they wait for a disk or a server of files, see to that or restart the machine, then 'kedge reset' again",
				describe(left))
		case <-time.After(lookPeriod):
		}
	}
}

// killAll kills what runs now, and tells what that was.
func (n node) killAll() ([]int, error) {
	holders, err := n.holders()
	if err != nil {
		return nil, err
	}
	groups, err := n.groups()
	if err != nil {
		return nil, err
	}
	found := make(map[int]bool)
	for _, pid := range holders {
		kill(pid, func() bool { return n.isHolder(pid) })
		found[pid] = true
	}
	for _, group := range groups {
		// Of version 2 the kernel kills the whole group at once.
		_ = os.WriteFile(filepath.Join(group, "cgroup.kill"), []byte("1"), 0)
		pids, err := cgroups.GetAllPids(group)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("look for the processes of pods: %w", err)
		}
		for _, pid := range pids {
			kill(pid, func() bool { return isIn(group, pid) })
			found[pid] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// kill ends the process, if it still is the one that is meant: its number may
// have become another's since it was read.
func kill(pid int, isMeant func() bool) {
	descriptor, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(descriptor)
	if isMeant() {
		_ = unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0) // what stays is found again
	}
}

func isIn(group string, pid int) bool {
	pids, err := cgroups.GetAllPids(group)
	return err == nil && slices.Contains(pids, pid)
}

// holders are the processes whose program kedge unpacked: shims, which hold
// containers while containerd is not there, runc, and the network's plugins.
func (n node) holders() ([]int, error) {
	entries, err := names("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for the processes of pods: %w; mount proc at /proc", err)
	}
	var found []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry); err == nil && n.isHolder(pid) {
			found = append(found, pid)
		}
	}
	return found, nil
}

func (n node) isHolder(pid int) bool {
	program, err := os.Readlink(procFile(pid, "exe"))
	return err == nil && strings.HasPrefix(program, n.layout.Helpers()+"/")
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// describe names processes by number and name.
func describe(pids []int) string {
	var all []string
	for _, pid := range pids {
		name, _ := os.ReadFile(procFile(pid, "comm"))
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s", pid, name)))
	}
	return strings.Join(all, ", ")
}
