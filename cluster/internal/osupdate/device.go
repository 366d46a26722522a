package osupdate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"aead.dev/minisign"
	"golang.org/x/sys/unix"

	"kedge/internal/fetch"
	"kedge/internal/slots"
	"kedge/internal/wholefile"
)

const (
	statePath = "var/lib/device/update/state.json"
	lockPath  = "run/device/update.lock"
	// memoryMark says that the data partition cannot be used.
	memoryMark = "run/device/data-in-memory"
	dataDir    = "data"
)

// Device is one whose operating system is updated.
type Device struct {
	slots.Device
	// Look finds out how the device is.
	Look func(context.Context) Condition
	// Steady is how long everything has to be as before.
	Steady time.Duration
	// Open opens a partition, for itself alone.
	Open func(path string) (Partition, error)
}

// Partition is an opened Target, and how large it is.
type Partition interface {
	Target
	io.Closer
	Size() (int64, error)
}

// New is this machine; socket is where kedge tells how it is.
func New(socket string) (Device, error) {
	found, err := slots.Find("/")
	return Device{Device: found, Look: func(ctx context.Context) Condition { return look(ctx, socket) }, Steady: steady, Open: openDevice}, err
}

func (d Device) store() Store { return Store{Path: d.path(statePath)} }

func (d Device) path(name string) string { return filepath.Join(d.Root, name) }

// Request is what is asked for.
type Request struct {
	Source fetch.Source
	// Keys are whose signatures count; none: anything is taken.
	Keys []minisign.PublicKey
	// Older takes a version before the present one.
	Older bool
	// Within is how long the new system may take until everything is as before.
	Within time.Duration
}

// Install writes an update to the slot that is not in use, and has it tried by the
// next start. Until all of it was read back that slot is not started.
func (d Device) Install(ctx context.Context, request Request) (Manifest, Figures, error) {
	if _, err := os.Stat(d.path(memoryMark)); err == nil {
		return Manifest{}, Figures{}, errors.New("the data partition cannot be used, so that nothing could be remembered of an update")
	}
	unlock, err := d.lock()
	if err != nil {
		return Manifest{}, Figures{}, err
	}
	defer unlock()
	manifest, err := Read(ctx, request.Source, request.Keys)
	if err != nil {
		return manifest, Figures{}, err
	}
	slot := slots.Other(d.Running)
	target, err := d.Open(d.Partition(slot))
	if err != nil {
		return manifest, Figures{}, err
	}
	defer target.Close()
	if err := d.admit(manifest, target, request.Older); err != nil {
		return manifest, Figures{}, err
	}
	if err := d.giveUp(slot); err != nil {
		return manifest, Figures{}, err
	}
	figures, err := d.write(ctx, request.Source, manifest, target)
	if err != nil {
		return manifest, figures, err
	}
	return manifest, figures, d.try(ctx, manifest, slot, request.Within)
}

// admit refuses what must not be written to target.
func (d Device) admit(manifest Manifest, target Partition, older bool) error {
	size, err := target.Size()
	if err != nil {
		return fmt.Errorf("measure the slot that is not in use: %w", err)
	}
	own, err := d.About()
	if err != nil {
		return err
	}
	return manifest.Judge(own, size, older)
}

// giveUp has the slot neither started nor remembered: it will hold halves.
func (d Device) giveUp(slot string) error {
	state, err := d.store().Read()
	if err != nil {
		return err
	}
	if state.Trial != nil && state.Trial.Slot == d.Running {
		if _, onTrial, err := d.Settle(); err != nil || onTrial {
			return errors.Join(err, errors.New("this system is being tried itself; 'kedge os status' tells when it is known whether it works"))
		}
		if state, err = d.store().Read(); err != nil {
			return err
		}
	}
	// What GRUB is told comes first: a state that names a slot which is not started is only wrong.
	err = d.Change(func(grub slots.Environment) error {
		if !grub.IsOK(d.Running) {
			grub[d.Running+"_OK"] = "1" // it runs
		}
		grub.Forbid(slot)
		return nil
	})
	if err != nil {
		return err
	}
	delete(state.Versions, slot)
	state.Trial = nil
	return d.store().Write(state)
}

func (d Device) write(ctx context.Context, source fetch.Source, manifest Manifest, target Partition) (Figures, error) {
	active, err := os.Open(d.Partition(d.Running))
	if err != nil {
		return Figures{}, err
	}
	defer active.Close()
	payload, err := source.Beside(manifest.File)
	if err != nil {
		return Figures{}, err
	}
	sections, err := payload.Sections(ctx)
	if err != nil {
		return Figures{}, err
	}
	defer sections.Close()
	work := writing{manifest: manifest, target: target, active: active, source: sections}
	err = work.write(ctx)
	return work.figures, err
}

// try has the slot started next, once. GRUB is told last.
func (d Device) try(ctx context.Context, manifest Manifest, slot string, within time.Duration) error {
	state, err := d.store().Read()
	if err != nil {
		return err
	}
	state.Versions[slot], state.Versions[d.Running] = manifest.Version, ""
	if own, err := d.About(); err == nil {
		state.Versions[d.Running] = own.Version
	}
	state.Failed = nil
	state.Trial = &Trial{Slot: slot, Version: manifest.Version, Within: within, Before: d.Look(ctx)}
	if err := d.store().Write(state); err != nil {
		return err
	}
	// The initrd of the new system takes along what this one has in /etc.
	if err := wholefile.Write(d.path(dataDir+"/etc-"+slot+".from"), []byte(d.Running+"\n"), 0o644); err != nil {
		return err
	}
	return d.Change(func(grub slots.Environment) error {
		grub.Prefer(d.Running) // its try may be spent where nobody gave it back
		grub.Prefer(slot)
		grub["TRIAL"] = slot
		return nil
	})
}

// Rollback has the other slot started next, or an update that was not started yet
// forgotten. It tells which slot is next.
func (d Device) Rollback() (string, error) {
	unlock, err := d.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	state, _, err := d.Settle()
	if err != nil {
		return "", err
	}
	other := slots.Other(d.Running)
	next := other
	err = d.Change(func(grub slots.Environment) error {
		switch {
		case state.Trial != nil && state.Trial.Slot == other:
			grub.Forbid(other)
			next = d.Running
		case !grub.IsOK(other):
			return fmt.Errorf("slot %s holds no system that may be started", other)
		default:
			grub.Prefer(other)
			delete(grub, "TRIAL")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if state.Trial != nil && state.Trial.Slot == d.Running {
		state.Trial.Why = "it was taken back by hand"
	} else {
		state.Trial = nil
	}
	return next, d.store().Write(state)
}

// Settle brings what is remembered up to date with what GRUB did, and tells whether
// the system that runs is on trial.
func (d Device) Settle() (State, bool, error) {
	state, err := d.store().Read()
	if err != nil {
		return state, false, err
	}
	onTrial := false
	err = d.Change(func(grub slots.Environment) error {
		onTrial = state.settle(d.Running, grub, time.Now())
		if own, err := d.About(); err == nil {
			state.Versions[d.Running] = own.Version
		}
		// Before GRUB's state loses what it is concluded from.
		return d.store().Write(state)
	})
	return state, onTrial, err
}

func (d Device) lock() (func(), error) {
	path := d.path(lockPath)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, errors.New("another 'kedge os' is at work")
	}
	return func() { _ = file.Close() }, nil
}
