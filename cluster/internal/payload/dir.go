package payload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	directoryMode = 0o755
	idLength      = 16
)

// Dir is an unpacked payload. As long as it is open, in any process, no Prune
// of any kedge removes it.
type Dir struct {
	path  string
	index Index
	lock  *os.File
}

// Root is the directory itself.
func (d *Dir) Root() string { return d.path }

// Path is the absolute path of a helper ("bin/runc") or of a directory of
// helpers ("cni"). The error is of kind Unknown for anything else: variants of
// kedge differ in what they carry.
func (d *Dir) Path(name string) (string, error) {
	if _, ok := d.index.File(name); ok {
		return filepath.Join(d.path, name), nil
	}
	for _, dir := range d.index.Directories() {
		if dir == name {
			return filepath.Join(d.path, name), nil
		}
	}
	return "", &Error{
		Kind: Unknown, Path: name, Problem: "is not among the helpers that this kedge carries",
		Hint: "use a variant of kedge that has it; 'kedge payload list' shows what this one has",
	}
}

// Close lets others remove the directory. The end of the process does so too.
func (d *Dir) Close() error {
	if err := d.lock.Close(); err != nil {
		return fmt.Errorf("release %s: %w", d.path, err)
	}
	return nil
}

// use locks the directory name against removal. ok is false when it is gone or
// about to go; whoever holds the lock on helpers sees neither.
func (p *Payload) use(helpers *os.Root, name string) (dir *Dir, ok bool, err error) {
	info, err := helpers.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	path := filepath.Join(helpers.Name(), name)
	if err != nil {
		return nil, false, unusable(path, err)
	}
	if !info.IsDir() {
		return nil, false, untrusted(path, "is not a directory, but "+describeType(info.Mode()), "remove it and try again")
	}
	handle, err := helpers.Open(name)
	if err != nil {
		return nil, false, unusable(path, err)
	}
	locked, err := tryLock(handle, unix.LOCK_SH)
	if err == nil && locked {
		opened, statErr := handle.Stat()
		now, lstatErr := helpers.Lstat(name)
		if statErr == nil && lstatErr == nil && os.SameFile(opened, now) {
			return &Dir{path: path, index: p.index, lock: handle}, true, nil
		}
	}
	return nil, false, errors.Join(err, handle.Close())
}

// isID tells names of unpacked payloads from everything else.
func isID(name string) bool {
	return len(name) == idLength && strings.Trim(name, "0123456789abcdef") == ""
}
