// Package binding keeps which machine is which node: one ConfigMap for each node
// whose machine enrolled, and one for all machines that were refused.
package binding

import (
	"encoding/json"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kedge/internal/enrolment"
)

// What keeps a binding: one ConfigMap for each node, with this label.
const (
	Namespace = meta.NamespaceSystem
	// Label is on all that is kept here: empty for a node, refused for the list of refusals.
	Label        = "kedge.io/enrolment"
	refusedLabel = "refused"
	prefix       = "kedge-enrolment-"
)

// Keys of the ConfigMap.
const (
	keyNode       = "node"
	keyKey        = "key"
	keyMachineID  = "machineID"
	keySerial     = "serialNumber"
	keyCredential = "credential"
	keyMade       = "credentialMade"
	keyBound      = "bound"
	keyLabels     = "labels"
)

const date = time.RFC3339

// Binding says which machine is a node, and by which credential.
type Binding struct {
	Node string
	// Key is the fingerprint of the machine's own key: the proof that it is the one.
	Key    string
	Device enrolment.Device
	// Credential is the serial number of the credential, the number of the entry of
	// a list of serial numbers, or the fingerprint of a key that was approved.
	Credential string
	Made       time.Time
	Bound      time.Time
	// Labels are what the node is told to register with.
	Labels map[string]string
}

// Describe names the machine to people.
func (b Binding) Describe() string { return Describe(b.Device, b.Key) }

// Describe names a machine to people.
func Describe(device enrolment.Device, key string) string {
	return fmt.Sprintf("%s, key %.23s…", device, key)
}

// IsSameMachine wants the machine's key. Who copied a whole card has that as
// well, but not the machine around it.
func (b Binding) IsSameMachine(other Binding) bool {
	return b.Key == other.Key && isSameText(b.Device.MachineID, other.Device.MachineID) && isSameText(b.Device.Serial, other.Device.Serial)
}

// isSameText does not judge what a machine did not tell once: a kernel may come
// that does.
func isSameText(one, other string) bool { return one == "" || other == "" || one == other }

// refuses says why a machine must not be the node that is bound like this. A
// credential that was made later is the operator's word that it may.
func (b Binding) refuses(wanted Binding) error {
	switch {
	case wanted.Credential != b.Credential && wanted.Made.After(b.Made):
		return nil
	case wanted.Credential != b.Credential:
		return &RefusedError{fmt.Sprintf("a newer credential than %s (made on %s) was used for the node %s; it asks from %s", wanted.Credential, wanted.Made.Format(date), b.Node, wanted.Describe())}
	case !b.IsSameMachine(wanted):
		return &RefusedError{fmt.Sprintf("the node %s is another machine since %s (%s), and this one (%s) has the same credential: who replaces a machine makes a new credential with 'builder provision' or 'builder cluster fleet'",
			b.Node, b.Bound.Format(date), b.Describe(), wanted.Describe())}
	}
	return nil
}

// RefusedError says why a machine must not be a node.
type RefusedError struct{ reason string }

func (e *RefusedError) Error() string { return e.reason }

// Refused is a refusal for this reason.
func Refused(reason string) *RefusedError { return &RefusedError{reason} }

func (b Binding) configMap() (*core.ConfigMap, error) {
	made := &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Namespace: Namespace, Name: prefix + b.Node, Labels: map[string]string{Label: ""}},
		Data: map[string]string{
			keyNode: b.Node, keyKey: b.Key, keyMachineID: b.Device.MachineID, keySerial: b.Device.Serial, keyCredential: b.Credential,
			keyMade: b.Made.Format(date), keyBound: b.Bound.Format(date),
		},
	}
	if len(b.Labels) > 0 {
		labels, err := json.Marshal(b.Labels)
		if err != nil {
			return nil, fmt.Errorf("encode the labels of the node %s: %w", b.Node, err)
		}
		made.Data[keyLabels] = string(labels)
	}
	return made, nil
}

// Parse reads what is kept of one node.
func Parse(kept *core.ConfigMap) (Binding, error) {
	data := kept.Data
	damaged := func(key string, err error) error {
		return fmt.Errorf("the ConfigMap %s/%s is damaged: %s: %w", kept.Namespace, kept.Name, key, err)
	}
	made, err := time.Parse(date, data[keyMade])
	if err != nil {
		return Binding{}, damaged(keyMade, err)
	}
	bound, err := time.Parse(date, data[keyBound])
	if err != nil {
		return Binding{}, damaged(keyBound, err)
	}
	var labels map[string]string
	if data[keyLabels] != "" {
		if err := json.Unmarshal([]byte(data[keyLabels]), &labels); err != nil {
			return Binding{}, damaged(keyLabels, err)
		}
	}
	return Binding{
		Node: data[keyNode], Key: data[keyKey], Credential: data[keyCredential], Made: made, Bound: bound, Labels: labels,
		Device: enrolment.Device{MachineID: data[keyMachineID], Serial: data[keySerial]},
	}, nil
}
