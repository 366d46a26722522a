// Package versions keeps executables of kedge beside each other in the data
// directory, and decides which of them runs: the one that is in use, one that is
// being tried and has not shown yet that it works, or the one that the machine
// came with, which is always there.
package versions

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"kedge/internal/wholefile"
)

const (
	// format is raised when the state changes its meaning.
	format    = 1
	stateFile = "state.json"
	lockFile  = "lock"
	// currentLink is for people; what runs is in the state.
	currentLink = "current"
	executable  = "kedge"
)

// Factory is the version in use when none of the store's is: the executable that
// the machine came with.
const Factory = ""

// nameRule is what a version may be called: it becomes a directory.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}$`)

// Store is a directory with a directory for each version.
type Store struct {
	Dir string
	// Boot tells which start of the machine this is, and how long ago it was; nil
	// asks the kernel. Unlike the clock, it never jumps.
	Boot func() (id string, since time.Duration)
}

// State is what a store remembers. It is replaced whole.
type State struct {
	Format int `json:"format"`
	// Current is the version in use.
	Current string `json:"current"`
	// Previous is what was in use before, to go back to.
	Previous string `json:"previous"`
	// Trial is there until Current has shown that it works.
	Trial *Trial `json:"trial,omitempty"`
	// Failed is the last version that did not work here.
	Failed *Failed `json:"failed,omitempty"`
}

// Trial is how far the current version has come.
type Trial struct {
	// Starts is how often it was started.
	Starts int `json:"starts"`
	// Within is how long it may take until it is ready, from a start on.
	Within time.Duration `json:"within"`
	// Boot and Deadline say until when, in time since that start of the machine.
	Boot     string        `json:"boot,omitempty"`
	Deadline time.Duration `json:"deadline,omitempty"`
	// PID is the process that tries it.
	PID int `json:"pid,omitempty"`
}

// Failed says what did not work.
type Failed struct {
	Version string    `json:"version"`
	Why     string    `json:"why"`
	When    time.Time `json:"when"`
}

// Executable is the file of a version.
func (s Store) Executable(version string) string { return filepath.Join(s.Dir, version, executable) }

// Read tells what is in use. Where nothing was ever installed that is the factory's.
func (s Store) Read() (State, error) {
	content, err := os.ReadFile(s.state())
	if errors.Is(err, fs.ErrNotExist) {
		return State{Format: format}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read which version of kedge is in use: %w", err)
	}
	var state State
	if err := json.Unmarshal(content, &state); err != nil {
		return State{}, fmt.Errorf("%s, which says which version of kedge is in use, cannot be read: %w; without it, the machine's own version runs", s.state(), err)
	}
	if state.Format > format {
		return State{}, fmt.Errorf("%s was written by a newer kedge (format %d; this one knows %d)", s.state(), state.Format, format)
	}
	return state, nil
}

// change reads the state, lets edit change it, and writes it, as the only one.
func (s Store) change(edit func(*State) error) (State, error) {
	lock, err := s.lock(lockFile, unix.LOCK_EX)
	if err != nil {
		return State{}, err
	}
	defer lock.Close()
	state, err := s.Read()
	if err != nil {
		return State{}, err
	}
	if err := edit(&state); err != nil {
		return State{}, err
	}
	state.Format = format
	content, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return State{}, fmt.Errorf("encode which version of kedge is in use: %w", err)
	}
	if err := wholefile.Write(s.state(), append(content, '\n'), 0o644); err != nil {
		return State{}, err
	}
	return state, s.link(state.Current)
}

// lock holds one of the store's locks until the file is closed.
func (s Store) lock(name string, how int) (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of kedge's versions: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock kedge's versions: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock kedge's versions: %w", err), file.Close())
	}
	return file, nil
}

// link shows people which version is in use; none is the factory's.
func (s Store) link(version string) error {
	path := filepath.Join(s.Dir, currentLink)
	if found, err := os.Readlink(path); err == nil && found == version {
		return nil
	}
	if version == Factory {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the link to kedge's version: %w", err)
		}
		return nil
	}
	temporary := path + ".new"
	_ = os.Remove(temporary) // one that a power cut left
	if err := errors.Join(os.Symlink(version, temporary), os.Rename(temporary, path)); err != nil {
		return fmt.Errorf("link to kedge's version: %w", err)
	}
	return nil
}

func (s Store) state() string { return filepath.Join(s.Dir, stateFile) }

func (s Store) boot() (id string, since time.Duration) {
	if s.Boot != nil {
		return s.Boot()
	}
	content, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var now unix.Timespec
	if err = errors.Join(err, unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)); err != nil {
		return "", 0 // every start is then one of another machine, and has its whole time
	}
	return string(content[:len(content)-1]), time.Duration(now.Nano())
}
