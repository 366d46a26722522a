package firstboot

import (
	"encoding/json"
	"errors"
	"fmt"

	"kedge/internal/nodeconfig"
)

// enrolment is how it stands with a device that asks to be approved, as the
// cluster's distribution writes it.
type enrolment struct {
	State       string `json:"state"`
	Reason      string `json:"reason"`
	Fingerprint string `json:"fingerprint"`
	Serial      string `json:"serialNumber"`
	MachineID   string `json:"machineID"`
}

// refused is the state of a device that must not be a node.
const refused = "refused"

// Asks says whether the device asks to be approved.
func (d Device) Asks() (bool, error) {
	found, err := d.enrolment()
	return found != nil, err
}

// enrolment is nil where the device does not ask.
func (d Device) enrolment() (*enrolment, error) {
	about, err := d.distribution()
	if err != nil || about.Enrolment == "" {
		return nil, err
	}
	content, err := readIfThere(d.path(about.Enrolment))
	if content == nil || err != nil {
		return nil, err
	}
	var found enrolment
	if err := json.Unmarshal(content, &found); err != nil {
		return nil, fmt.Errorf("read %s: %w", about.Enrolment, err)
	}
	return &found, nil
}

// Wait shows people that the device asks to be approved, and what to compare.
func (d Device) Wait(card *Card) error {
	asks, err := d.enrolment()
	if asks == nil || err != nil {
		return err
	}
	kept, err := readIfThere(d.path(keptNode))
	if kept == nil || err != nil {
		return errors.Join(err, errors.New("the device has no node.yaml"))
	}
	config, err := nodeconfig.Parse(kept)
	if err != nil {
		return err
	}
	d.Tell(card, asks.status(config))
	return nil
}

func (e enrolment) status(config nodeconfig.Config) Status {
	status := Status{
		Node: describe(config), Stage: "pending: the device asks its controller to be approved",
		Facts: []Fact{{"key", e.Fingerprint}, {"serial", e.Serial}, {"machine", e.MachineID}},
		Advice: "compare this key with the one that 'kedge node list' shows on the controller; if it is the same, there: kedge node approve " +
			e.Fingerprint + " NAME",
	}
	if e.State == refused {
		status.Stage = "refused: " + e.Reason
		status.Advice = "ask the cluster's operator; 'kedge node approve' on the controller takes a refusal back, and the device goes on by itself"
	}
	return status
}
