// Package slots knows the two slots of a device's disk, and the state by which GRUB
// chooses one of them.
package slots

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The names of the slots.
const (
	A = "A"
	B = "B"
)

// Other is the slot that slot is not.
func Other(slot string) string {
	if slot == A {
		return B
	}
	return A
}

const (
	// signature, size and fill are those of GRUB's lib/envblk.c.
	signature = "# GRUB Environment Block\n"
	blockSize = 1024
	fill      = "#"
	// sectorSize bounds what a power cut leaves whole.
	sectorSize = 512
)

// copies are the files of the state; GRUB takes the first that is whole.
var copies = [2]string{"grub/grubenv", "grub/grubenv2"}

// names are the variables in the order in which they are written.
var names = []string{"ORDER", "A_OK", "A_TRY", "B_OK", "B_TRY", "ROUND", "TRIAL"}

// Environment is GRUB's state. GRUB itself neither reads nor changes TRIAL, which
// names the slot whose system has not shown yet that it works.
type Environment map[string]string

// Prefer has the slot started first, with a try of its own.
func (e Environment) Prefer(slot string) {
	e["ORDER"], e["ROUND"] = slot+" "+Other(slot), "0"
	e[slot+"_OK"], e[slot+"_TRY"] = "1", "0"
}

// Forbid has the slot never started.
func (e Environment) Forbid(slot string) {
	e["ORDER"], e[slot+"_OK"] = Other(slot)+" "+slot, "0"
	if e["TRIAL"] == slot {
		delete(e, "TRIAL")
	}
}

// IsOK says that the slot may be started, IsTried that its try is spent.
func (e Environment) IsOK(slot string) bool { return e[slot+"_OK"] == "1" }

// IsTried says that the slot's try is spent.
func (e Environment) IsTried(slot string) bool { return e[slot+"_TRY"] == "1" }

// First is the slot that the next start takes.
func (e Environment) First() string {
	order := strings.Fields(e["ORDER"])
	for _, slot := range order {
		if e.IsOK(slot) && !e.IsTried(slot) {
			return slot
		}
	}
	for _, slot := range order {
		if e.IsOK(slot) {
			return slot
		}
	}
	return ""
}

func (e Environment) block() ([]byte, error) {
	text := signature
	for _, name := range names {
		if value, has := e[name]; has {
			text += name + "=" + value + "\n"
		}
	}
	if len(text) > sectorSize {
		return nil, fmt.Errorf("GRUB's state takes %d bytes, more than a sector", len(text))
	}
	return []byte(text + strings.Repeat(fill, blockSize-len(text))), nil
}

// ReadEnvironment reads the state on the boot partition mounted at boot.
func ReadEnvironment(boot string) (Environment, error) {
	for _, name := range copies {
		content, err := os.ReadFile(filepath.Join(boot, name))
		if err != nil {
			return nil, fmt.Errorf("read GRUB's state: %w", err)
		}
		lines, is := strings.CutPrefix(string(content), signature)
		if !is {
			continue
		}
		found := Environment{}
		for line := range strings.Lines(lines) {
			if name, value, is := strings.Cut(strings.TrimSuffix(line, "\n"), "="); is {
				found[name] = value
			}
		}
		return found, nil
	}
	return nil, errors.New("GRUB's state is damaged in both copies; 'systemctl start device-slot-good' writes it anew")
}

// WriteEnvironment overwrites both copies in place, the second when the disk has the
// first: whenever the power goes, one is whole.
func WriteEnvironment(boot string, state Environment) error {
	block, err := state.block()
	if err != nil {
		return err
	}
	for _, name := range copies {
		file, err := os.OpenFile(filepath.Join(boot, name), os.O_WRONLY, 0)
		if err == nil {
			_, err = file.Write(block)
			err = errors.Join(err, file.Sync(), file.Close())
		}
		if err != nil {
			return fmt.Errorf("write GRUB's state: %w", err)
		}
	}
	return nil
}
