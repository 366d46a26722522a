package osupdate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"kedge/internal/slots"
	"kedge/internal/wholefile"
)

const stateFormat = 1

// State is what a device remembers of its updates, apart from GRUB's state. It is
// replaced whole.
type State struct {
	Format int `json:"format"`
	// Versions are those in the slots, as far as they are known.
	Versions map[string]string `json:"versions"`
	// Trial is there until it is known whether an update works.
	Trial *Trial `json:"trial,omitempty"`
	// Failed is the last update that did not work here.
	Failed *Failed `json:"failed,omitempty"`
}

// Trial is an update that was installed.
type Trial struct {
	Slot    string `json:"slot"`
	Version string `json:"version"`
	// Within is how long it may take until everything is as before.
	Within time.Duration `json:"within"`
	// Before is how the device was when the update was installed.
	Before Condition `json:"before"`
	// Started says that its system has begun to look at itself; Why, what it found.
	Started bool   `json:"started"`
	Why     string `json:"why,omitempty"`
}

// Failed says what did not work.
type Failed struct {
	Slot    string    `json:"slot"`
	Version string    `json:"version"`
	Why     string    `json:"why"`
	When    time.Time `json:"when"`
}

// Store is where the state is kept.
type Store struct{ Path string }

// Read tells what is remembered: of a new device, nothing.
func (s Store) Read() (State, error) {
	state := State{Format: stateFormat, Versions: map[string]string{}}
	content, err := os.ReadFile(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &state)
	}
	if err != nil {
		return state, fmt.Errorf("%s, which tells of updates, cannot be read: %w", s.Path, err)
	}
	if state.Format > stateFormat {
		return state, fmt.Errorf("%s was written by a newer kedge (format %d; this one knows %d)", s.Path, state.Format, stateFormat)
	}
	if state.Versions == nil {
		state.Versions = map[string]string{}
	}
	return state, nil
}

// Write replaces what is remembered.
func (s Store) Write(state State) error {
	state.Format = stateFormat
	content, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		return err
	}
	return wholefile.Write(s.Path, append(content, '\n'), 0o644)
}

// settle brings the state up to date with what GRUB did: running is the slot that was
// started. It tells whether the system of that slot is on trial.
func (st *State) settle(running string, grub slots.Environment, now time.Time) (onTrial bool) {
	switch trial := st.Trial; {
	case grub["TRIAL"] == running:
		return true
	case trial == nil:
	case trial.Slot == running:
		st.Trial, st.Failed = nil, nil // the slot was marked good, which ends a trial
	case grub["TRIAL"] == trial.Slot && !grub.IsTried(trial.Slot):
		return false // it was not started yet
	default:
		if grub["TRIAL"] == "" && trial.Why == "" && !trial.Started {
			trial.Why = "the next start was not told to try it: the power went at the end of its installation"
		}
		st.fail(now)
		grub.Forbid(trial.Slot)
	}
	return false
}

func (st *State) fail(now time.Time) {
	trial := st.Trial
	why := trial.Why
	switch {
	case why != "":
	case trial.Started:
		why = "its system started, and ended before it was known whether it works: a crash, the watchdog, a restart or a power cut"
	default:
		why = "its system did not come so far that it could say why: the kernel, the root, a unit that hung, or a power cut"
	}
	st.Failed = &Failed{Slot: trial.Slot, Version: trial.Version, Why: why, When: now.UTC().Truncate(time.Second)}
	st.Trial = nil
}
