package firstboot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kedge/internal/nodeconfig"
)

// Taken is what the device is to be, and what people should know of it.
type Taken struct {
	// Config is nil where nobody has said what the device is, or not rightly.
	Config *nodeconfig.Config
	// Problems are all that is wrong on the card.
	Problems []string
	// Notes are what did not stop the device.
	Notes []string
}

// beside are the files that node.yaml names.
func beside(config nodeconfig.Config) []string {
	var names []string
	for _, name := range []string{config.Credential, config.Config} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Take reads the card, keeps what it says where that is right, and wipes what
// is secret from it. A card that says nothing, or a device that has joined,
// goes by what is kept.
func (d Device) Take(card *Card) (Taken, error) {
	kept, err := readIfThere(d.path(keptNode))
	if err != nil {
		return Taken{}, err
	}
	var said []byte
	if card != nil {
		if said, err = card.read(nodeconfig.FileName); err != nil {
			return Taken{}, fmt.Errorf("read the card: %w", err)
		}
	}
	if said != nil && d.has(memoryMark) {
		return Taken{Problems: []string{"the data partition cannot be used, and nothing would be kept: write the image to the card again, or replace it"}}, nil
	}
	if d.Joined() || said == nil {
		return d.takeKept(card, kept, said)
	}
	config, err := nodeconfig.Parse(said)
	var wrong nodeconfig.Problems
	if errors.As(err, &wrong) {
		return Taken{Problems: told(wrong)}, nil
	}
	if err != nil {
		return Taken{}, err
	}
	if problems, err := d.takeFiles(*card, config); len(problems) > 0 || err != nil {
		return Taken{Problems: problems}, err
	}
	if err := write(d.path(keptNode), said, private); err != nil {
		return Taken{}, fmt.Errorf("keep %s: %w", nodeconfig.FileName, err)
	}
	return Taken{Config: &config}.wiped(d.wipe(*card, config)), nil
}

// wiped adds that secrets are still on the card, which stops no device.
func (t Taken) wiped(err error) Taken {
	if err != nil {
		t.Notes = append(t.Notes, err.Error())
	}
	return t
}

func told(problems nodeconfig.Problems) []string {
	lines := make([]string, 0, len(problems))
	for _, one := range problems {
		lines = append(lines, one.String())
	}
	return lines
}

// takeKept goes by what is kept, and says what of the card is ignored.
func (d Device) takeKept(card *Card, kept, said []byte) (Taken, error) {
	if kept == nil {
		return Taken{}, nil
	}
	config, err := nodeconfig.Parse(kept)
	if err != nil {
		return Taken{}, fmt.Errorf("read what is kept in %s: %w", d.path(keptNode), err)
	}
	taken := Taken{Config: &config}
	if said != nil && !bytes.Equal(said, kept) {
		taken.Notes = append(taken.Notes, nodeconfig.FileName+" was changed after the device had joined: that is ignored")
	}
	if card == nil {
		return taken, nil
	}
	for _, name := range beside(config) {
		found, err := card.read(name)
		if err != nil {
			return Taken{}, fmt.Errorf("read the card: %w", err)
		}
		mine, err := readIfThere(d.path(keptFiles + "/" + name))
		if err != nil {
			return Taken{}, err
		}
		if found != nil && !leftOf(found, mine) {
			taken.Notes = append(taken.Notes, name+" on the card is another one than the device has: it is ignored")
		}
	}
	return taken.wiped(d.wipe(*card, config)), nil
}

// takeFiles keeps the files beside node.yaml, and unpacks a controller's keys.
func (d Device) takeFiles(card Card, config nodeconfig.Config) (problems []string, err error) {
	taken := make(map[string][]byte)
	for _, name := range beside(config) {
		found, err := card.read(name)
		if err != nil {
			return nil, fmt.Errorf("read the card: %w", err)
		}
		kept, err := readIfThere(d.path(keptFiles + "/" + name))
		switch {
		case err != nil:
			return nil, err
		case found != nil && !leftOf(found, kept):
			if problem := problemOf(config, name, found); problem != "" {
				problems = append(problems, name+": "+problem)
			}
			taken[name] = found
		case kept == nil && !(name == config.Credential && controls(config) && d.has(keptUnpacked)):
			problems = append(problems, name+": node.yaml names this file, but it is not on the card")
		}
	}
	if len(problems) > 0 {
		return problems, nil
	}
	for name, content := range taken {
		if err := d.keep(name, content); err != nil {
			return nil, err
		}
	}
	return nil, d.unpackKept(config)
}

// problemOf says what is wrong with a file that node.yaml names.
func problemOf(config nodeconfig.Config, name string, content []byte) string {
	switch {
	case len(content) == 0 || len(bytes.Trim(content, "\x00")) == 0:
		return "it is empty: provision the card again"
	case name == config.Config:
		return ""
	case controls(config):
		return archiveProblem(content)
	}
	return credentialProblem(content, config.Name)
}

func controls(config nodeconfig.Config) bool { return config.Role != nodeconfig.Worker }

func (d Device) keep(name string, content []byte) error {
	directory := d.path(keptFiles)
	if err := os.MkdirAll(directory, privateDir); err != nil {
		return err
	}
	if err := os.Chmod(d.path(keptDir), privateDir); err != nil {
		return err
	}
	if err := write(filepath.Join(directory, name), content, private); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// wipe removes from the card what the device has, then the copy of the keys that
// were unpacked: until the card has none, it says what was wiped by half.
func (d Device) wipe(card Card, config nodeconfig.Config) error {
	var names []string
	for _, name := range beside(config) {
		found, err := card.read(name)
		if err != nil {
			return fmt.Errorf("read the card: %w", err)
		}
		kept, err := readIfThere(d.path(keptFiles + "/" + name))
		if err != nil {
			return err
		}
		if found != nil && leftOf(found, kept) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		err := card.Writable(func() error {
			var problems error
			for _, name := range names {
				problems = errors.Join(problems, card.wipe(name))
			}
			return problems
		})
		if err != nil {
			return fmt.Errorf("wipe what is secret from the card: %w", err)
		}
	}
	if config.Credential == "" || !controls(config) {
		return nil
	}
	archive := d.path(keptFiles + "/" + config.Credential)
	if err := os.Remove(archive); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
