package payload

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	helpersName = "helpers"
	linkLimit   = 40 // as the kernel has it
	sharedBits  = 0o022
)

// place is a directory as the kernel will reach it, with no link on the way.
type place struct {
	path     string
	existing string // the deepest part of path that exists
}

func (p place) exists() bool { return p.path == p.existing }

// locate follows a path and refuses it when anybody but root and the present
// user could make it lead elsewhere: helpers are run as root.
func locate(path string) (place, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return place{}, fmt.Errorf("find the directory: %w", err)
	}
	at, rest := "/", parts(path)
	if err := checkParent(at); err != nil {
		return place{}, err
	}
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return place{path: filepath.Join(next, filepath.Join(rest[1:]...)), existing: at}, nil
		case err != nil:
			return place{}, unusable(next, err)
		case info.Mode().Type() == fs.ModeSymlink:
			if links++; links > linkLimit {
				return place{}, unusable(path, syscall.ELOOP)
			}
			target, err := followed(next, info)
			if err != nil {
				return place{}, err
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(parts(target), rest[1:]...)
			continue
		}
		if err := checkParent(next); err != nil {
			return place{}, err
		}
		at, rest = next, rest[1:]
	}
	return place{path: at, existing: at}, nil
}

func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}

func followed(link string, info fs.FileInfo) (string, error) {
	if !isTrusted(owner(info)) {
		return "", untrusted(link, fmt.Sprintf("is a symbolic link of another user (%d)", owner(info)), "remove the link")
	}
	target, err := os.Readlink(link)
	if err != nil {
		return "", unusable(link, err)
	}
	return target, nil
}

// checkParent judges a directory on the way. Others may write to it only if it
// is sticky, as /tmp is: then they cannot replace what is not theirs.
func checkParent(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return unusable(path, err)
	}
	if !info.IsDir() {
		return &Error{Kind: Unusable, Path: path, Problem: "is not a directory", Hint: "remove it, or choose another data directory with --data-dir"}
	}
	if !isTrusted(owner(info)) {
		return untrusted(path, fmt.Sprintf("belongs to another user (%d)", owner(info)), "give it to root (chown root), or choose another data directory")
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return untrusted(path, "can be written by everybody", "take that permission away (chmod o-w), or choose another data directory")
	}
	return nil
}

// checkOwn judges an open directory that holds helpers: nobody else may write
// to it. What another user made of it after locate looked is noticed here.
func checkOwn(path string, info fs.FileInfo) error {
	if !info.IsDir() {
		return untrusted(path, "is not a directory, but "+describeType(info.Mode()), "remove it and try again")
	}
	if !isTrusted(owner(info)) {
		return untrusted(path, fmt.Sprintf("belongs to another user (%d)", owner(info)), "give it to root (chown -R root), or choose another data directory")
	}
	if info.Mode().Perm()&sharedBits != 0 {
		return untrusted(path, fmt.Sprintf("can be written by others (mode %#o)", info.Mode().Perm()),
			"take that permission away (chmod go-w) and have the helpers checked (kedge payload unpack)")
	}
	return nil
}

func describeType(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "a file"
	case fs.ModeSymlink:
		return "a symbolic link"
	default:
		return "a special file"
	}
}

func owner(info fs.FileInfo) uint32 {
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ^uint32(0) // nobody: no file system of Linux gives anything else
	}
	return status.Uid
}

func isTrusted(uid uint32) bool { return uid == 0 || uid == uint32(os.Geteuid()) }

func untrusted(path, problem, hint string) error {
	return &Error{Kind: Untrusted, Path: path, Problem: problem, Hint: hint}
}

// checkRunnable refuses a file system that starts no executable.
func checkRunnable(path string) error {
	var status unix.Statfs_t
	if err := unix.Statfs(path, &status); err != nil {
		return unusable(path, err)
	}
	if status.Flags&unix.ST_NOEXEC != 0 {
		return &Error{
			Kind: Unusable, Path: path, Problem: "helpers cannot be started here: " + mountName(path) + " is mounted noexec",
			Hint: "mount it with exec (mount -o remount,exec " + mountPoint(path) + "), or choose another data directory with --data-dir",
		}
	}
	return nil
}

// checkRoom refuses a file system that cannot take size bytes in files.
func checkRoom(path string, size int64, files int) error {
	var status unix.Statfs_t
	if err := unix.Statfs(path, &status); err != nil {
		return unusable(path, err)
	}
	if status.Flags&unix.ST_RDONLY != 0 {
		return readOnly(path)
	}
	free := uint64(status.Bavail) * uint64(status.Bsize)
	// Each file and directory wastes half a block on the average; a whole one is safe.
	if needed := uint64(size) + uint64(files)*uint64(status.Bsize); free < needed {
		return &Error{
			Kind: Unusable, Path: path,
			Problem: fmt.Sprintf("%s has %s free; the helpers need %s", mountName(path), mebibytes(free), mebibytes(needed)),
			Hint:    "free some space (kedge payload prune removes helpers of other versions), or choose another data directory with --data-dir",
		}
	}
	if status.Files > 0 && status.Ffree < uint64(files) {
		return &Error{
			Kind: Unusable, Path: path, Problem: fmt.Sprintf("%s has %d free inodes; the helpers need %d", mountName(path), status.Ffree, files),
			Hint: "remove some files there, or choose another data directory with --data-dir",
		}
	}
	return nil
}

func mebibytes(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func readOnly(path string) error {
	return &Error{
		Kind: Unusable, Path: path, Problem: mountName(path) + " is mounted read-only",
		Hint: "mount it writable for the first start, or choose another data directory with --data-dir",
	}
}

// unusable explains what the system said of a path.
func unusable(path string, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return &Error{
			Kind: Unusable, Path: path, Problem: mountName(path) + " became full; nothing half-made was kept", Cause: err,
			Hint: "free some space and try again, or choose another data directory with --data-dir",
		}
	case errors.Is(err, unix.EROFS):
		return readOnly(path)
	case errors.Is(err, fs.ErrPermission):
		return &Error{
			Kind: Unusable, Path: path, Problem: "may not be used by the present user", Cause: err,
			Hint: "run kedge as root, or choose another data directory with --data-dir",
		}
	default:
		return &Error{Kind: Unusable, Path: path, Problem: "cannot be used", Cause: err, Hint: "see to the file system, or choose another data directory with --data-dir"}
	}
}
