package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// noted is a process as its file in the directory of process numbers names it:
// the number alone may be another's by now, number and start together are not.
type noted struct {
	pid   int
	start string // in clock ticks since the machine booted
}

func (s *Supervisor) pidFile() string {
	return filepath.Join(s.options.PIDDir, s.command.Name+".pid")
}

// remember notes the running process.
func (s *Supervisor) remember(pid int) error {
	start, err := startOf(pid)
	if err != nil {
		return err
	}
	return os.WriteFile(s.pidFile(), fmt.Appendf(nil, "%d %s\n", pid, start), 0o600)
}

func (s *Supervisor) forget() {
	_ = os.Remove(s.pidFile()) // what stays is judged by its start anyway
}

// endStale ends the process that an earlier kedge of the same data directory
// left behind, and waits until it is gone. The kernel has killed it with that
// kedge, but it may not have ended yet, or have been a program that the kernel
// spares. Nothing else is touched.
func (s *Supervisor) endStale(ctx context.Context) error {
	content, err := os.ReadFile(s.pidFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.describe(err, "look for a process of an earlier start")
	}
	was, ok := parseNoted(content)
	if !ok {
		return nil // written in the moment when the power went away
	}
	descriptor, err := unix.PidfdOpen(was.pid, 0)
	if err != nil {
		return nil // it is gone
	}
	defer unix.Close(descriptor)
	// The descriptor stands for one process for good: what is read now is its.
	if !s.isOurs(was) {
		return nil
	}
	s.options.Log.Warn("a process of an earlier start is still there and is killed", "pid", was.pid)
	_ = unix.Kill(-was.pid, unix.SIGKILL)
	if err := unix.PidfdSendSignal(descriptor, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return s.describe(err, fmt.Sprintf("kill process %d of an earlier start", was.pid))
	}
	return s.awaitEnd(ctx, descriptor, was.pid)
}

// awaitEnd waits until the process behind the descriptor has ended.
func (s *Supervisor) awaitEnd(ctx context.Context, descriptor, pid int) error {
	const pollMillis = 100
	for {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, pollMillis)
		switch {
		case ready > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return s.describe(err, "wait for the end of a process of an earlier start")
		case ctx.Err() != nil:
			return s.describe(ctx.Err(), fmt.Sprintf("process %d of an earlier start does not end", pid))
		}
	}
}

// isOurs is true for the very process that was noted, when it carries the mark
// of this data directory.
func (s *Supervisor) isOurs(was noted) bool {
	if start, err := startOf(was.pid); err != nil || start != was.start {
		return false
	}
	environment, err := os.ReadFile(procFile(was.pid, "environ"))
	if err != nil {
		return false
	}
	mark := []byte(marker + "=" + s.options.Owner)
	for entry := range bytes.SplitSeq(environment, []byte{0}) {
		if bytes.Equal(entry, mark) {
			return true
		}
	}
	return false
}

func parseNoted(content []byte) (noted, bool) {
	number, start, found := strings.Cut(strings.TrimSpace(string(content)), " ")
	pid, err := strconv.Atoi(number)
	return noted{pid: pid, start: start}, found && err == nil && pid > 1
}

// startOf is field 22 of /proc/PID/stat (proc_pid_stat(5)). The name before it
// may itself contain blanks and brackets.
func startOf(pid int) (string, error) {
	const startAfterName = 19
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(stat[max(0, bytes.LastIndexByte(stat, ')')):]), ") ")
	fields := strings.Fields(rest)
	if len(fields) <= startAfterName {
		return "", fmt.Errorf("%s has only %d fields", procFile(pid, "stat"), len(fields))
	}
	return fields[startAfterName], nil
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
