package firstboot

import (
	"bytes"
	"strings"
	"testing"
)

const (
	state  = "run/kedge/enrolment.json"
	asking = `{"state":"pending","fingerprint":"SHA256:abc","serialNumber":"10000000c0ffee","machineID":"d1"}`
	asks   = `stage:   pending: the device asks its controller to be approved
node:    a device without a name, worker of mill
key:     SHA256:abc
serial:  10000000c0ffee
machine: d1
to do:   compare this key with the one that 'kedge node list' shows on the controller; if it is the same, there: kedge node approve SHA256:abc NAME
`
)

// fleetCard is the sample of one that names where to ask.
func fleetCard(t *testing.T) []byte {
	t.Helper()
	return bytes.Replace(sample(t, "fleet"), []byte("discovery: true"), []byte("endpoints: [mill.example.com:6443]"), 1)
}

func TestADeviceOfAFleetAsksAndSaysSo(t *testing.T) {
	m := newMachine(t)
	m.onCard("node.yaml", fleetCard(t))
	m.start()
	m.wantRoles("worker")
	const want = "ARGUMENTS=\"--profile=default --server=mill.example.com:6443 --authority-file=/run/device/node/authority.crt\"\n"
	if got := m.read("run/device/node/environment"); got != want {
		t.Errorf("environment = %s", got)
	}
	if is, err := m.device.Asks(); is || err != nil {
		t.Errorf("it asks before its role does: %v, %v", is, err)
	}
	card := m.card
	for _, step := range []struct{ state, want string }{
		{asking, asks},
		{strings.Replace(asking, `"pending"`, `"refused","reason":"the operator refused it"`, 1), "stage:   refused: the operator refused it\n"},
	} {
		m.put(state, []byte(step.state))
		if is, err := m.device.Asks(); !is || err != nil {
			t.Errorf("it does not ask: %v, %v", is, err)
		}
		for range 2 { // what says the same is not written again
			if err := m.device.Wait(card); err != nil {
				t.Fatal(err)
			}
		}
		if got := m.cardText(StatusFile); !strings.HasPrefix(got, step.want) {
			t.Errorf("the card says\n%s", got)
		}
		if got := m.read(issueFile); !strings.HasPrefix(got, step.want) {
			t.Errorf("the console says\n%s", got)
		}
	}
	if m.writes != 3 {
		t.Errorf("the card was written to %d times", m.writes)
	}
	if err := m.device.Join(card); err != nil || !strings.HasPrefix(m.cardText(StatusFile), "stage:   joined") {
		t.Errorf("joined: %v, %s", err, m.cardText(StatusFile))
	}
}

func TestADeviceThatCannotSayHowItStands(t *testing.T) {
	m := newMachine(t)
	m.put(state, []byte("{"))
	if _, err := m.device.Asks(); err == nil {
		t.Error("what is cut off is taken")
	}
	m.put(state, []byte(asking))
	if err := m.device.Wait(nil); err == nil {
		t.Error("a device without node.yaml asks")
	}
}
