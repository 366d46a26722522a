package firstboot

import (
	"errors"
	"fmt"
	"strings"

	"kedge/internal/nodeconfig"
)

// Status is what a person can see of a device without logging in.
type Status struct {
	Findings
	Stage string
	Node  string
	// Facts are what people compare.
	Facts  []Fact
	Advice string
}

// Fact is one thing that the device says of itself.
type Fact struct{ Name, Value string }

// StatusOf is how a start went.
func StatusOf(taken Taken, applied Findings, joined bool) Status {
	status := Status{Findings: Findings{
		Problems: append(taken.Problems, applied.Problems...),
		Failures: append(taken.Failures, applied.Failures...),
		Notes:    append(taken.Notes, applied.Notes...),
	}}
	if taken.Config != nil {
		status.Node = describe(*taken.Config)
	}
	switch {
	case len(status.Failures) > 0:
		status.Stage = "failed: the device cannot do all that it was told"
		status.Advice = "mend what is named above, or start the device again; if it stays so, write the image to another card"
	case taken.Config == nil && len(status.Problems) == 0:
		status.Stage = "waiting: nobody has said yet what this device is"
		status.Advice = "write node.yaml on this partition, for example with 'builder provision', and start the device again"
	case len(status.Problems) > 0:
		status.Stage = "stopped: what is written on this card cannot be used"
		status.Advice = "correct what is named above on any computer, and start the device again"
		if joined {
			status.Advice = "the device has joined its cluster, and does not go by this card any more; look at its journal"
		}
	case joined:
		status.Stage = "joined: the device has been a node of its cluster, and does not go by this card any more"
	default:
		status.Stage = "starting: the device has taken its node.yaml, and is becoming a node of its cluster"
		status.Advice = "wait; if it does not join, correct node.yaml on any computer, and start the device again"
	}
	return status
}

func describe(config nodeconfig.Config) string {
	name := config.Name
	if name == "" {
		name = "a device without a name"
	}
	if config.Cluster == nil {
		return fmt.Sprintf("%s, %s", name, config.Role)
	}
	return fmt.Sprintf("%s, %s of %s", name, config.Role, config.Cluster.Name)
}

// String is the status as a file. It has no time: a file that says the same is
// not written again, and the clock may be wrong.
func (s Status) String() string {
	var text strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "%-8s %s\n", name+":", value)
		}
	}
	line("stage", s.Stage)
	line("node", s.Node)
	for _, fact := range s.Facts {
		line(fact.Name, fact.Value)
	}
	for _, problem := range s.Problems {
		line("wrong", problem)
	}
	for _, failure := range s.Failures {
		line("failed", failure)
	}
	for _, note := range s.Notes {
		line("note", note)
	}
	line("to do", s.Advice)
	return text.String()
}

// Tell shows the status on the card, where there is one, and above the login of
// the console. What cannot be told there is a note in what it returns, and stops no device.
func (d Device) Tell(card *Card, status Status) Status {
	if card != nil {
		if err := card.tell(status.String()); err != nil {
			status.note(fmt.Errorf("%s on the card cannot be written: %w", StatusFile, err))
		}
	}
	// agetty(8) takes a backslash for the beginning of an escape.
	issue := strings.ReplaceAll(status.String(), `\`, `\\`) + "\n"
	if err := write(d.path(issueFile), []byte(issue), public); err != nil {
		status.note(err)
	}
	return status
}

// Join notes that the device is a node of its cluster.
func (d Device) Join(card *Card) error {
	if d.Joined() {
		return nil
	}
	content, err := readIfThere(d.path(keptNode))
	if content == nil || err != nil {
		return errors.Join(err, errors.New("the device has no node.yaml"))
	}
	config, err := nodeconfig.Parse(content)
	if err != nil {
		return err
	}
	if err := write(d.path(keptJoined), nil, private); err != nil {
		return fmt.Errorf("note that the device has joined: %w", err)
	}
	d.Tell(card, StatusOf(Taken{Config: &config}, Findings{}, true))
	return nil
}
