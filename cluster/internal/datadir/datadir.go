// Package datadir guards a controller's data directory: one kedge at a time,
// of the same user, of a version that understands what is there.
package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kedge/internal/wholefile"
)

// format is raised when the directory's layout changes.
const format = 1

// Record is what a data directory says about itself.
type Record struct {
	Format int `json:"format"`
	// Kubernetes is the newest version that wrote into it.
	Kubernetes string `json:"kubernetes"`
	// UID is the user who ran kedge.
	UID int `json:"uid"`
	// Storage is the kind of storage that holds the cluster.
	Storage string `json:"storage"`
	// Started says that a cluster once was ready.
	Started bool `json:"started"`
}

// Dir is a data directory that this process holds.
type Dir struct {
	file   string
	lock   *os.File
	Record Record
}

// Error is a data directory that cannot be used, and the way out.
type Error struct {
	Path    string
	Problem string
	Hint    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("directory %s: %s\n  %s", e.Path, e.Problem, e.Hint)
}

// Open takes the directory for this process, makes it when it is not there, and
// refuses what it must not touch. record is its file's path.
func Open(record string, now Record) (*Dir, error) {
	path := filepath.Dir(record)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := Lock(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{file: record, lock: lock, Record: now}
	if err := d.read(path, now); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d.Record.Format = format
	return d, nil
}

// Path is the directory.
func (d *Dir) Path() string { return filepath.Dir(d.file) }

// Close gives the directory back.
func (d *Dir) Close() error { return d.lock.Close() }

// LockFile is the file by which a process holds a directory.
func LockFile(path string) string { return filepath.Join(path, "kedge.lock") }

// Lock takes a directory for this process; the file that is returned holds it.
func Lock(path string) (*os.File, error) {
	lock, err := os.OpenFile(LockFile(path), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil, &Error{Path: path, Problem: "this user may not write there", Hint: "run kedge as the user that it belongs to, or choose another with --data-dir"}
	}
	if errors.Is(err, unix.EROFS) {
		return nil, &Error{Path: path, Problem: "its file system is read-only", Hint: "a file system that had errors is mounted so: look at 'dmesg', repair it or mount it for writing, or choose another with --data-dir"}
	}
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &Error{Path: path, Problem: "another kedge uses it", Hint: "'kedge stop' ends that one; a second controller needs --data-dir and --run-dir of its own"}
		}
		return nil, fmt.Errorf("lock the data directory %s: %w", path, err)
	}
	return lock, nil
}

func (d *Dir) read(path string, now Record) error {
	content, err := os.ReadFile(d.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what the data directory says about itself: %w", err)
	}
	var was Record
	if err := json.Unmarshal(content, &was); err != nil {
		return &Error{
			Path: path, Problem: "its file " + filepath.Base(d.file) + " cannot be read: " + err.Error(),
			Hint: "'kedge restore' brings a backup back; if you know that the rest is sound, remove that file and start with --new-cluster",
		}
	}
	if err := Judge(path, was, now); err != nil {
		return err
	}
	d.Record.Started = was.Started
	return nil
}

// Judge refuses a directory that says was, for a kedge that would say now.
func Judge(path string, was, now Record) error {
	refuse := func(problem, hint string) error { return &Error{Path: path, Problem: problem, Hint: hint} }
	switch {
	case was.Format > format:
		return refuse(fmt.Sprintf("a newer kedge made it (format %d; this one knows %d)", was.Format, format), "run that version, or choose another directory")
	case isOlder(now.Kubernetes, was.Kubernetes):
		return refuse(fmt.Sprintf("Kubernetes %s wrote into it, and this is %s", was.Kubernetes, now.Kubernetes), "run that version or a newer one: Kubernetes cannot read what a later one stored")
	case was.UID != now.UID:
		return refuse(fmt.Sprintf("user %d ran kedge there, and this is user %d", was.UID, now.UID), "run kedge as that user, or choose another directory")
	case was.Started && was.Storage != now.Storage:
		return refuse(fmt.Sprintf("its cluster is in %s, and spec.storage says %s", was.Storage, now.Storage), "set spec.storage back; a cluster cannot change its storage")
	}
	return nil
}

// isOlder compares the first two numbers of versions such as v1.37.2.
func isOlder(version, than string) bool {
	a, b := minorOf(version), minorOf(than)
	return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
}

func minorOf(version string) [2]int {
	var numbers [2]int
	for i, part := range strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3) {
		if i < len(numbers) {
			numbers[i], _ = strconv.Atoi(part) // a development build has no version and is older than all
		}
	}
	return numbers
}

// Save writes the record.
func (d *Dir) Save() error {
	content, err := json.MarshalIndent(d.Record, "", "  ")
	if err != nil {
		return fmt.Errorf("encode what the data directory says about itself: %w", err)
	}
	return wholefile.Write(d.file, append(content, '\n'), 0o600)
}

// Remove removes what kedge made, the record last: until it is gone, what is
// left is still known to be kedge's. Before that it lets undo take back what
// kedge made elsewhere, while no other kedge can use the directory.
func Remove(record string, made []string, undo func() error) error {
	path := filepath.Dir(record)
	if _, err := os.Lstat(record); err != nil {
		return &Error{Path: path, Problem: "it does not look like kedge's: " + err.Error(), Hint: "name the right one with --data-dir; what has no such file is removed by hand"}
	}
	lock, err := Lock(path)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := undo(); err != nil {
		return err
	}
	for _, each := range append(slices.Clone(made), record, lock.Name()) {
		// A disk that the user mounted in its place stays, empty.
		if err := os.RemoveAll(each); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("remove %s: %w", each, err)
		}
	}
	return nil
}
