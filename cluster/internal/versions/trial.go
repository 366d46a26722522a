package versions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// mostStarts is how often a version may be started before it must have been ready:
// one power cut more than bad luck.
const mostStarts = 3

// Try puts a version that was installed into use, on trial: it has the time within
// for being ready after a start.
func (s Store) Try(version string, within time.Duration) error {
	if _, err := os.Stat(s.Executable(version)); err != nil {
		return fmt.Errorf("version %s is not installed: %w", version, err)
	}
	_, err := s.change(func(state *State) error {
		switch {
		case state.Trial != nil:
			return fmt.Errorf("version %s is being tried, and it is not known yet whether it works; 'kedge status' tells", state.Current)
		case state.Current == version:
			return fmt.Errorf("version %s is in use", version)
		}
		*state = State{Current: version, Previous: state.Current, Trial: &Trial{Within: within}}
		return nil
	})
	return err
}

// Confirm says that this version works, if it is the one on trial, and removes the
// versions that nobody can want any more.
func (s Store) Confirm(version string) error {
	state, err := s.Read()
	if err != nil || state.Trial == nil || state.Current != version {
		return err
	}
	state, err = s.change(func(state *State) error {
		if state.Current == version {
			state.Trial, state.Failed = nil, nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.prune(state)
}

// Back puts the version before this one into use, and tells which that is.
func (s Store) Back(why string) (string, error) {
	state, err := s.change(func(state *State) error {
		if state.Current == Factory {
			return errors.New("the version that the machine came with is in use; there is none before it")
		}
		state.goBack(why)
		return nil
	})
	return state.Current, err
}

// goBack leaves the current version. What was before the one before is not known.
func (st *State) goBack(why string) {
	st.Failed = &Failed{Version: st.Current, Why: why, When: time.Now().UTC().Truncate(time.Second)}
	st.Current, st.Previous, st.Trial = st.Previous, Factory, nil
}

// start notes another start of the version on trial, by this process. It says
// why there must be none.
func (t *Trial) start(boot string, since time.Duration) (refusal string) {
	switch {
	case t.Starts >= mostStarts:
		return fmt.Sprintf("it was started %d times and never was ready", t.Starts)
	case t.Boot == boot && boot != "" && since >= t.Deadline:
		return fmt.Sprintf("it was not ready within %s", t.Within)
	}
	if t.Boot != boot || t.Starts == 0 {
		t.Boot, t.Deadline = boot, since+t.Within
	}
	t.Starts++
	t.PID = os.Getpid()
	return ""
}

// Prune removes the versions that nobody can want any more: failed ones stay until then.
func (s Store) Prune() error {
	state, err := s.Read()
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.prune(state)
}

// prune removes versions that are neither in use, nor the way back, nor run.
func (s Store) prune(state State) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return fmt.Errorf("look for old versions of kedge: %w", err)
	}
	running, err := runningBelow(s.Dir)
	if err != nil {
		return err
	}
	var problems []error
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() && name != stageDir && name != state.Current && name != state.Previous && !running[name] {
			problems = append(problems, os.RemoveAll(filepath.Join(s.Dir, name)))
		}
	}
	return errors.Join(problems...)
}

// runningBelow is which directories of dir processes run files of.
func runningBelow(dir string) (map[string]bool, error) {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for what runs: %w", err)
	}
	running := make(map[string]bool)
	for _, process := range processes {
		if _, err := strconv.Atoi(process.Name()); err != nil {
			continue
		}
		// A process that has ended meanwhile runs nothing.
		file, _ := os.Readlink(filepath.Join("/proc", process.Name(), "exe"))
		if below, is := strings.CutPrefix(file, dir+"/"); is {
			name, _, _ := strings.Cut(below, "/")
			running[name] = true
		}
	}
	return running, nil
}
