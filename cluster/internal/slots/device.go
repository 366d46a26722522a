package slots

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// aboutFile says in each slot what it holds.
	aboutFile = "usr/lib/device/slot.json"
	bootDir   = "run/device/update"
	// bootPartition is the first; slots A and B follow.
	bootPartition = 1
	mountTries    = 20
	mountDelay    = 500 * time.Millisecond
)

// About is what a slot holds.
type About struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	Board        string `json:"board"`
}

// Device is one that was started from a slot.
type Device struct {
	// Root is / but in tests.
	Root string
	// Running is the slot that was started.
	Running string
	disk    string
}

// ErrNoSlot says that this system was not started from a slot.
var ErrNoSlot = errors.New("this system was not started from a slot: only images of devices have two")

// Find tells from which slot this device was started.
func Find(root string) (Device, error) {
	device := Device{Root: root}
	line, err := os.ReadFile(filepath.Join(root, "proc/cmdline"))
	if err != nil {
		return device, err
	}
	for word := range strings.FieldsSeq(string(line)) {
		if value, is := strings.CutPrefix(word, "device.slot="); is {
			device.Running = value
		}
		if value, is := strings.CutPrefix(word, "device.disk="); is {
			device.disk = value
		}
	}
	if device.Running != A && device.Running != B {
		return device, ErrNoSlot
	}
	return device, nil
}

// About reads what the running slot holds.
func (d Device) About() (About, error) {
	var about About
	content, err := os.ReadFile(d.path(aboutFile))
	if err == nil {
		err = json.Unmarshal(content, &about)
	}
	if err != nil {
		return about, fmt.Errorf("what this slot holds is not known: %w", err)
	}
	return about, nil
}

// Partition is the device of a slot.
func (d Device) Partition(slot string) string {
	return d.partition(bootPartition + 1 + strings.Index(A+B, slot))
}

func (d Device) partition(number int) string {
	return d.path(fmt.Sprintf("dev/disk/by-partuuid/%s-%02d", d.disk, number))
}

// Change lets edit change GRUB's state. Nothing is written where it leaves it as it
// was.
func (d Device) Change(edit func(Environment) error) error {
	return d.withBoot(func(boot string) error {
		state, err := ReadEnvironment(boot)
		if err != nil {
			return err
		}
		before, err := state.block()
		if err != nil {
			return err
		}
		if err := edit(state); err != nil {
			return err
		}
		if after, err := state.block(); err == nil && string(after) == string(before) {
			return nil
		}
		return WriteEnvironment(boot, state)
	})
}

// Environment reads GRUB's state.
func (d Device) Environment() (Environment, error) {
	var state Environment
	err := d.withBoot(func(boot string) (err error) {
		state, err = ReadEnvironment(boot)
		return err
	})
	return state, err
}

// withBoot has the boot partition mounted while do runs.
func (d Device) withBoot(do func(boot string) error) error {
	boot := d.path(bootDir)
	if d.Root != "/" {
		return do(boot)
	}
	if err := os.MkdirAll(boot, 0o700); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_SYNCHRONOUS)
	for try := 1; ; try++ {
		err := unix.Mount(d.partition(bootPartition), boot, "vfat", flags, "umask=0077")
		if err == nil {
			break
		}
		// Somebody else reads it for a moment.
		if !errors.Is(err, unix.EBUSY) || try == mountTries {
			return fmt.Errorf("mount the boot partition: %w", err)
		}
		time.Sleep(mountDelay)
	}
	return errors.Join(do(boot), unix.Unmount(boot, 0))
}

func (d Device) path(name string) string { return filepath.Join(d.Root, name) }
