package osupdate

import (
	"time"

	"kedge/internal/slots"
)

// Report is what people are told of a device's systems.
type Report struct {
	slots.About
	// Running is the slot that was started, Next the one that the next start takes.
	Running string  `json:"running"`
	Next    string  `json:"next"`
	Slots   []Slot  `json:"slots"`
	Trial   *Trial  `json:"trial,omitempty"`
	Failed  *Failed `json:"failed,omitempty"`
}

// Slot is one of the two.
type Slot struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// OK says that it may be started.
	OK bool `json:"ok"`
}

// Report tells how things are, and changes nothing.
func (d Device) Report() (Report, error) {
	report := Report{Running: d.Running}
	var err error
	if report.About, err = d.About(); err != nil {
		return report, err
	}
	state, err := d.store().Read()
	if err != nil {
		return report, err
	}
	grub, err := d.Environment()
	if err != nil {
		return report, err
	}
	state.settle(d.Running, grub, time.Now())
	report.Next, report.Trial, report.Failed = grub.First(), state.Trial, state.Failed
	for _, name := range []string{slots.A, slots.B} {
		slot := Slot{Name: name, Version: state.Versions[name], OK: grub.IsOK(name)}
		if name == d.Running {
			slot.Version = report.Version
		}
		report.Slots = append(report.Slots, slot)
	}
	return report, nil
}
