package versions

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kedge/internal/wholefile"
)

const (
	stageDir  = ".incoming"
	stageLock = "incoming.lock"
)

// Staged is an executable that arrives, and is nothing yet.
type Staged struct {
	store Store
	lock  *os.File
	file  *os.File
}

// Stage makes room for one executable; there is one such place, and what an earlier
// one left is thrown away.
func (s Store) Stage() (*Staged, error) {
	lock, err := s.lock(stageLock, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.New("another 'kedge upgrade' is at work")
	}
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.Dir, stageDir)
	if err = errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err == nil {
		var file *os.File
		if file, err = os.OpenFile(filepath.Join(dir, executable), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o700); err == nil {
			return &Staged{store: s, lock: lock, file: file}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("make room for a version of kedge: %w", err), lock.Close())
}

// Write adds to the executable.
func (st *Staged) Write(data []byte) (int, error) { return st.file.Write(data) }

// Path is its file.
func (st *Staged) Path() string { return st.file.Name() }

// Close ends writing, after which the file can be executed.
func (st *Staged) Close() error {
	if err := errors.Join(st.file.Chmod(0o755), st.file.Sync(), st.file.Close()); err != nil {
		return fmt.Errorf("write a version of kedge: %w", err)
	}
	return nil
}

// Keep makes a version of it. The same executable may be there already; another one
// of the same name is an error.
func (st *Staged) Keep(version string) error {
	if !nameRule.MatchString(version) {
		return fmt.Errorf("%q is no name of a version", version)
	}
	kept := filepath.Join(st.store.Dir, version)
	if _, err := os.Lstat(kept); err == nil {
		same, err := isSameFile(st.Path(), st.store.Executable(version))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && same {
			return nil
		}
		return st.replace(kept, version)
	}
	return st.rename(kept)
}

// replace takes the place of a version that does not work or was damaged; one that is
// in use, or the way back, is never touched.
func (st *Staged) replace(kept, version string) error {
	state, err := st.store.Read()
	if err != nil {
		return err
	}
	if version == state.Current || version == state.Previous {
		return fmt.Errorf("another executable is installed as version %s", version)
	}
	if err := os.RemoveAll(kept); err != nil {
		return fmt.Errorf("remove what was version %s: %w", version, err)
	}
	return st.rename(kept)
}

func (st *Staged) rename(kept string) error {
	stage := filepath.Dir(st.Path())
	err := errors.Join(wholefile.SyncDirectory(stage), os.Rename(stage, kept), wholefile.SyncDirectory(st.store.Dir))
	if err != nil {
		return fmt.Errorf("keep a version of kedge: %w", err)
	}
	return nil
}

// Discard throws away what was not kept.
func (st *Staged) Discard() {
	_ = st.file.Close() // it may be closed already
	_ = os.RemoveAll(filepath.Dir(st.Path()))
	_ = st.lock.Close()
}

func isSameFile(a, b string) (bool, error) {
	var sums [2][]byte
	for i, path := range []string{a, b} {
		file, err := os.Open(path)
		if err != nil {
			return false, err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return false, fmt.Errorf("compare with the version that is installed: %w", err)
		}
		sums[i] = hash.Sum(nil)
	}
	return bytes.Equal(sums[0], sums[1]), nil
}
