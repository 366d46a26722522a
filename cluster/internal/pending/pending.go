// Package pending knows which devices ask to be approved. It is in memory alone:
// what strangers say is written nowhere, and never more than so much is kept.
package pending

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"kedge/internal/enrolment"
)

const (
	// Most devices wait at once; those behind one address (a router's, or a
	// stranger's) leave room for others.
	Most           = 256
	MostPerAddress = 64
	// forgotten is a device that has not asked for so long.
	forgotten = 5 * time.Minute
)

// Device is one that asks. All but Key are claims.
type Device struct {
	// Key is the fingerprint of its public key.
	Key       string `json:"fingerprint"`
	MachineID string `json:"machineID"`
	Serial    string `json:"serialNumber,omitempty"`
	// Address is where it asks from.
	Address string    `json:"address"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`
	// Refused is why it is no node; empty: nobody has decided.
	Refused string `json:"refused,omitempty"`
}

// Describe is what the device claims to be.
func (d Device) Describe() enrolment.Device {
	return enrolment.Device{MachineID: d.MachineID, Serial: d.Serial}
}

// ErrFull says that no more devices can wait.
var ErrFull = errors.New("too many devices wait to be approved")

// List is all that ask.
type List struct {
	mu      sync.Mutex
	devices map[string]Device
}

// Note keeps that a device asks, and says whether that, or why it is refused, is new.
func (l *List) Note(asks Device, now time.Time) (isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	asks.Since, asks.Seen = now, now
	if before, isKnown := l.devices[asks.Key]; isKnown {
		asks.Since = before.Since
		l.devices[asks.Key] = asks
		return before.Refused != asks.Refused, nil
	}
	neighbours := 0
	for _, one := range l.devices {
		if one.Address == asks.Address {
			neighbours++
		}
	}
	switch {
	case len(l.devices) >= Most:
		return false, fmt.Errorf("%w: %d do", ErrFull, Most)
	case neighbours >= MostPerAddress:
		return false, fmt.Errorf("%w: %d do behind %s", ErrFull, MostPerAddress, asks.Address)
	}
	if l.devices == nil {
		l.devices = make(map[string]Device)
	}
	l.devices[asks.Key] = asks
	return true, nil
}

// Drop forgets a device that was let in.
func (l *List) Drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.devices, key)
}

// Count is how many there are.
func (l *List) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.devices)
}

// All are those that ask, who came first before others.
func (l *List) All(now time.Time) []Device {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	return slices.SortedFunc(maps.Values(l.devices), func(a, b Device) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key))
	})
}

func (l *List) forget(now time.Time) {
	maps.DeleteFunc(l.devices, func(_ string, one Device) bool { return now.Sub(one.Seen) > forgotten })
}
