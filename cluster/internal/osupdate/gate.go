package osupdate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
)

const (
	gatePoll = 2 * time.Second
	// steady is how long everything has to be as before.
	steady = 20 * time.Second
)

// ErrNotAsBefore says that this system does not work, and has to be left.
var ErrNotAsBefore = errors.New("this system does not work as the one before")

// Gate returns nil when the system that runs may be called good: it is not on trial,
// or everything has been as before the update for a while. Where that does not come
// true in time it remembers why, for the system before this one.
func (d Device) Gate(ctx context.Context, log *slog.Logger) error {
	state, onTrial, err := d.Settle()
	if err != nil {
		return err
	}
	if !onTrial {
		if state.Failed != nil {
			log.Warn("an update did not work", "slot", state.Failed.Slot, "version", state.Failed.Version, "because", state.Failed.Why)
		}
		return nil
	}
	trial := state.Trial
	if trial == nil || trial.Slot != d.Running {
		why := "what was remembered of the update is not there"
		if _, err := os.Stat(d.path(memoryMark)); err == nil {
			why = "its system cannot use the data partition"
		}
		return fmt.Errorf("%w: %s", ErrNotAsBefore, why)
	}
	trial.Started = true
	if err := d.store().Write(state); err != nil {
		return err
	}
	log.Info("this system is tried", "slot", trial.Slot, "version", trial.Version)
	if why := d.await(ctx, *trial); why != "" {
		trial.Why = why
		return errors.Join(fmt.Errorf("%w: %s", ErrNotAsBefore, why), d.store().Write(state))
	}
	return nil
}

// await returns why everything is not as before; empty: it is.
func (d Device) await(ctx context.Context, trial Trial) string {
	within, stop := context.WithTimeout(ctx, trial.Within)
	defer stop()
	var fineSince time.Time
	for {
		problems := d.Look(ctx).worse(trial.Before)
		switch {
		case len(problems) > 0:
			fineSince = time.Time{}
		case fineSince.IsZero():
			fineSince = time.Now()
		}
		if !fineSince.IsZero() && time.Since(fineSince) >= d.Steady {
			return ""
		}
		if within.Err() != nil {
			if len(problems) == 0 {
				problems = []string{fmt.Sprintf("all was well for less than %s", d.Steady)}
			}
			return fmt.Sprintf("not as before within %s: %s", trial.Within, strings.Join(problems, "; "))
		}
		select {
		case <-within.Done():
		case <-time.After(gatePoll):
		}
	}
}
