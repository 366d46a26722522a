package payload

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// inode names a file whatever path leads to it: processes in other mount
// namespaces see other paths.
type inode struct {
	device uint64
	number uint64
}

func inodeOf(info fs.FileInfo) inode {
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}
	}
	return inode{device: uint64(status.Dev), number: status.Ino}
}

// users is which process uses which version, one for each, and how many
// processes would not be looked at.
type users struct {
	pids   map[string]int
	hidden int
}

// scanProcesses looks at the executable and the mapped files of every process.
func scanProcesses(proc, helpers string, wanted map[inode]string) (users, error) {
	entries, err := os.ReadDir(proc)
	found := users{pids: make(map[string]int)}
	if err != nil {
		return found, &Error{
			Kind: Unusable, Path: helpers, Problem: "it cannot be seen which helpers are in use", Cause: err,
			Hint: "mount proc at /proc and try again",
		}
	}
	seen := 0
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		seen++
		versions, err := versionsOf(filepath.Join(proc, entry.Name()), helpers, wanted)
		switch {
		case errors.Is(err, fs.ErrPermission):
			found.hidden++
		case err != nil && !isGone(err):
			return found, fmt.Errorf("look at process %d: %w", pid, err)
		}
		for _, version := range versions {
			found.pids[version] = pid
		}
	}
	if seen == 0 {
		return found, &Error{
			Kind: Unusable, Path: helpers, Problem: "it cannot be seen which helpers are in use: " + proc + " shows no process",
			Hint: "mount proc at /proc and try again",
		}
	}
	return found, nil
}

// isGone is what reading of a process that ends, or of a thread of the kernel, gives.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

func versionsOf(process, helpers string, wanted map[inode]string) ([]string, error) {
	var versions []string
	info, err := os.Stat(filepath.Join(process, "exe"))
	if errors.Is(err, fs.ErrPermission) {
		return versionsInArguments(filepath.Join(process, "cmdline"), helpers)
	}
	if err != nil {
		return nil, err
	}
	if version, ok := wanted[inodeOf(info)]; ok {
		versions = append(versions, version)
	}
	maps, err := os.ReadFile(filepath.Join(process, "maps"))
	if err != nil {
		return versions, err
	}
	for line := range strings.Lines(string(maps)) {
		if version := versionOfMapping(line, helpers, wanted); version != "" {
			versions = append(versions, version)
		}
	}
	return versions, nil
}

// versionsInArguments judges a process of which only the command line may be
// seen: an init with more rights than ours, processes of other users. Helpers
// are started by their full paths.
func versionsInArguments(commandLine, helpers string) ([]string, error) {
	raw, err := os.ReadFile(commandLine)
	if err != nil {
		return nil, err
	}
	var versions []string
	for argument := range strings.SplitSeq(string(raw), "\x00") {
		if rest, ok := strings.CutPrefix(argument, helpers+"/"); ok {
			version, _, _ := strings.Cut(rest, "/")
			versions = append(versions, version)
		}
	}
	return versions, nil
}

// versionOfMapping judges a line of /proc/PID/maps: by the file's inode, and by
// its path too, because some file systems show another device there than stat does.
func versionOfMapping(line, helpers string, wanted map[inode]string) string {
	fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6)
	if len(fields) < 6 || !strings.Contains(fields[5], "/") {
		return ""
	}
	if rest, ok := strings.CutPrefix(strings.TrimLeft(fields[5], " "), helpers+"/"); ok {
		version, _, _ := strings.Cut(rest, "/")
		return version
	}
	major, minor, _ := strings.Cut(fields[3], ":")
	high, errHigh := strconv.ParseUint(major, 16, 32)
	low, errLow := strconv.ParseUint(minor, 16, 32)
	number, errNumber := strconv.ParseUint(fields[4], 10, 64)
	if errors.Join(errHigh, errLow, errNumber) != nil {
		return ""
	}
	return wanted[inode{device: unix.Mkdev(uint32(high), uint32(low)), number: number}]
}
