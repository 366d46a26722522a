package firstboot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"

	"kedge/internal/nodeconfig"
)

// Taken is what the device is to be, and what people should know of it.
type Taken struct {
	Findings
	// Config is nil where nobody has said what the device is, or not rightly.
	Config *nodeconfig.Config
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
// is secret from it. A device that has joined goes by what is kept, and so does
// one whose card says nothing, or cannot be read. An error is the device's own.
func (d Device) Take(card *Card) (Taken, error) {
	kept, err := readIfThere(d.path(keptNode))
	if err != nil {
		return Taken{}, err
	}
	var said []byte
	if card != nil {
		said, err = card.read(nodeconfig.FileName)
	}
	switch {
	case err != nil && kept == nil && card.Unreadable != nil:
		return Taken{}, fmt.Errorf("read the card: %w", err)
	case err != nil && kept == nil:
		var taken Taken
		taken.blame(nodeconfig.FileName, err)
		return taken, nil
	case err != nil:
		taken, problem := d.takeKept(nil, kept, nil)
		taken.note(fmt.Errorf("the card cannot be read, and the device goes by what it keeps: %w", err))
		return taken, problem
	case said != nil && d.has(memoryMark):
		return Taken{}, errors.New("the data partition cannot be used, and nothing would be kept")
	case said == nil || d.Joined():
		return d.takeKept(card, kept, said)
	}
	return d.takeCard(*card, said)
}

// takeCard obeys a card, of which node.yaml was read.
func (d Device) takeCard(card Card, said []byte) (taken Taken, err error) {
	config, err := nodeconfig.Parse(said)
	var wrong nodeconfig.Problems
	if errors.As(err, &wrong) {
		taken.Problems = told(wrong)
		return taken, nil
	}
	if err != nil {
		return taken, err
	}
	if err := makeDir(d.path(keptDir), privateDir); err != nil {
		return taken, err
	}
	if taken.Findings, err = d.takeFiles(card, config); len(taken.Problems)+len(taken.Failures) > 0 || err != nil {
		return taken, err
	}
	if err := write(d.path(keptNode), said, private); err != nil {
		return taken, fmt.Errorf("keep %s: %w", nodeconfig.FileName, err)
	}
	taken.Config = &config
	// What is secret and was not wiped stops no device.
	taken.note(d.wipe(card, config))
	taken.note(d.forget(config))
	return taken, nil
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
			taken.note(fmt.Errorf("%s on the card: %w", name, err))
		}
		mine, err := readIfThere(d.path(keptFiles + "/" + name))
		taken.note(err)
		if found != nil && !leftOf(found, mine) {
			taken.Notes = append(taken.Notes, name+" on the card is another one than the device has: it is ignored")
		}
	}
	taken.note(d.wipe(*card, config))
	return taken, nil
}

// takeFiles keeps the files beside node.yaml, and unpacks a controller's keys.
func (d Device) takeFiles(card Card, config nodeconfig.Config) (findings Findings, err error) {
	taken := make(map[string][]byte)
	for _, name := range beside(config) {
		found, err := card.read(name)
		if err != nil {
			findings.blame(name, err)
			continue
		}
		kept, err := readIfThere(d.path(keptFiles + "/" + name))
		switch {
		case err != nil:
			return findings, err
		case found != nil && !leftOf(found, kept):
			if problem := problemOf(config, name, found); problem != "" {
				findings.Problems = append(findings.Problems, name+": "+problem)
			}
			taken[name] = found
		case kept == nil && (name != config.Credential || !d.hasKeysOf(config)):
			findings.Problems = append(findings.Problems, name+": node.yaml names this file, but it is not on the card")
		}
	}
	if len(findings.Problems)+len(findings.Failures) > 0 {
		return findings, nil
	}
	for name, content := range taken {
		if err := d.keep(name, content); err != nil {
			return findings, err
		}
	}
	return findings, d.unpackKept(config)
}

// problemOf says what is wrong with a file that node.yaml names.
func problemOf(config nodeconfig.Config, name string, content []byte) string {
	switch {
	case len(content) == 0 || len(bytes.Trim(content, "\x00")) == 0:
		return "it is empty: provision the card again"
	case name == config.Credential && controls(config):
		return archiveProblem(content)
	case bytes.IndexByte(content, 0) >= 0:
		return "it is damaged: provision the card again"
	case name == config.Config:
		return ""
	}
	return credentialProblem(content, config.Name)
}

func controls(config nodeconfig.Config) bool { return config.Role != nodeconfig.Worker }

func (d Device) keep(name string, content []byte) error {
	err := makeDir(d.path(keptFiles), privateDir)
	if err == nil {
		err = write(d.path(keptFiles+"/"+name), content, private)
	}
	if err != nil {
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

// forget removes what earlier cards brought, once node.yaml names it no more.
func (d Device) forget(config nodeconfig.Config) error {
	entries, err := os.ReadDir(d.path(keptFiles))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if !slices.Contains(beside(config), entry.Name()) {
			err = errors.Join(err, os.Remove(d.path(keptFiles+"/"+entry.Name())))
		}
	}
	return err
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
