// Package fleetlist reads whether devices with a fleet's card may ask, and which
// of them the operator expects, as `builder cluster export` writes it.
package fleetlist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// format is the version of the file that is understood.
const format = 1

// Entry says that the device with this serial number is a node. It counts like a
// credential, whose number it has.
type Entry struct {
	Serial     string            `json:"serialNumber"`
	Node       string            `json:"node"`
	Credential string            `json:"credential"`
	Made       time.Time         `json:"made"`
	Expires    time.Time         `json:"expires"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// List is the file.
type List struct {
	// IsOpen says that devices may ask.
	IsOpen  bool
	entries map[string]Entry
}

// Read reads the list. A cluster without a file lets nobody ask.
func Read(file string) (List, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return List{}, nil
	}
	if err != nil {
		return List{}, fmt.Errorf("read which devices may ask: %w", err)
	}
	list, err := Parse(content)
	if err != nil {
		return List{}, fmt.Errorf("%s: %w; 'builder cluster export' makes it anew", file, err)
	}
	return list, nil
}

// Parse reads the list's content.
func Parse(content []byte) (List, error) {
	var document struct {
		Format  int     `json:"format"`
		Open    bool    `json:"open"`
		Devices []Entry `json:"devices"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return List{}, fmt.Errorf("it is no list of devices: %w", err)
	}
	if document.Format != format {
		return List{}, fmt.Errorf("its format is %d, and this kedge reads %d", document.Format, format)
	}
	list := List{IsOpen: document.Open, entries: make(map[string]Entry, len(document.Devices))}
	for i, entry := range document.Devices {
		if entry.Serial == "" || entry.Node == "" || entry.Credential == "" {
			return List{}, fmt.Errorf("devices[%d] lacks its serial number, its node or its credential", i)
		}
		if _, isTwice := list.entries[entry.Serial]; isTwice {
			return List{}, fmt.Errorf("devices[%d]: its serial number is there twice", i)
		}
		list.entries[entry.Serial] = entry
	}
	return list, nil
}

// Find is what the operator said of a serial number. A device that tells none is
// on no list.
func (l List) Find(serial string) (Entry, bool) {
	if serial == "" {
		return Entry{}, false
	}
	found, is := l.entries[serial]
	return found, is
}
