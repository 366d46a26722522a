package enroller

import (
	"context"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/enrolment"
)

// What keeps a binding: one ConfigMap for each node, with this label.
const (
	namespace = meta.NamespaceSystem
	prefix    = "kedge-enrolment-"
	label     = "kedge.io/enrolment"
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
)

const date = time.RFC3339

// binding says which machine is a node, and by which credential.
type binding struct {
	Node string
	// Key is the fingerprint of the machine's own key: the proof that it is the one.
	Key    string
	Device enrolment.Device
	// Credential is the serial number of the credential, and Made when it was made.
	Credential string
	Made       time.Time
	Bound      time.Time
}

func (b binding) device() string { return fmt.Sprintf("%s, key %.19s…", b.Device, b.Key) }

// isSameMachine wants the machine's key. Who copied a whole card has that as
// well, but not the machine around it.
func (b binding) isSameMachine(other binding) bool {
	return b.Key == other.Key && isSameText(b.Device.MachineID, other.Device.MachineID) && isSameText(b.Device.Serial, other.Device.Serial)
}

// isSameText does not judge what a machine did not tell once: a kernel may come
// that does.
func isSameText(one, other string) bool { return one == "" || other == "" || one == other }

// refuses says why a machine must not be the node that is bound like this. A
// credential that was made later is the operator's word that it may.
func (b binding) refuses(wanted binding) error {
	switch {
	case wanted.Credential != b.Credential && wanted.Made.After(b.Made):
		return nil
	case wanted.Credential != b.Credential:
		return fmt.Errorf("a newer credential than %s (made on %s) was used for the node %s; it asks from %s", wanted.Credential, wanted.Made.Format(date), b.Node, wanted.device())
	case !b.isSameMachine(wanted):
		return fmt.Errorf("the node %s is another machine since %s (%s), and this one (%s) has the same credential: who replaces a machine makes a new credential with 'builder provision'",
			b.Node, b.Bound.Format(date), b.device(), wanted.device())
	}
	return nil
}

func (b binding) configMap() *core.ConfigMap {
	return &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: prefix + b.Node, Labels: map[string]string{label: ""}},
		Data: map[string]string{
			keyNode: b.Node, keyKey: b.Key, keyMachineID: b.Device.MachineID, keySerial: b.Device.Serial, keyCredential: b.Credential,
			keyMade: b.Made.Format(date), keyBound: b.Bound.Format(date),
		},
	}
}

func parse(kept *core.ConfigMap) (binding, error) {
	data := kept.Data
	made, err := time.Parse(date, data[keyMade])
	if err != nil {
		return binding{}, fmt.Errorf("the ConfigMap %s/%s is damaged: %s: %w", kept.Namespace, kept.Name, keyMade, err)
	}
	bound, err := time.Parse(date, data[keyBound])
	if err != nil {
		return binding{}, fmt.Errorf("the ConfigMap %s/%s is damaged: %s: %w", kept.Namespace, kept.Name, keyBound, err)
	}
	return binding{
		Node: data[keyNode], Key: data[keyKey], Credential: data[keyCredential], Made: made, Bound: bound,
		Device: enrolment.Device{MachineID: data[keyMachineID], Serial: data[keySerial]},
	}, nil
}

// bind keeps that the machine is the node, or says why it must not be. An error
// says that neither is certain.
func (e *Enroller) bind(ctx context.Context, wanted binding) (refusal, err error) {
	wanted.Bound = time.Now().UTC().Truncate(time.Second)
	maps := e.client.CoreV1().ConfigMaps(namespace)
	kept, err := maps.Get(ctx, prefix+wanted.Node, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = maps.Create(ctx, wanted.configMap(), meta.CreateOptions{})
		return nil, e.bound(wanted, err)
	}
	if err != nil {
		return nil, fmt.Errorf("look up which machine is the node %s: %w", wanted.Node, err)
	}
	is, err := parse(kept)
	if err != nil {
		return nil, err
	}
	if refusal := is.refuses(wanted); refusal != nil {
		return refusal, nil
	}
	if is.Credential == wanted.Credential {
		return nil, nil // an absence that was long
	}
	changed := wanted.configMap()
	changed.ResourceVersion = kept.ResourceVersion
	_, err = maps.Update(ctx, changed, meta.UpdateOptions{})
	return nil, e.bound(wanted, err)
}

func (e *Enroller) bound(wanted binding, err error) error {
	if err != nil {
		return fmt.Errorf("keep which machine is the node %s: %w", wanted.Node, err)
	}
	if e.Bound != nil {
		e.Bound(wanted.Node)
	}
	return nil
}

// Credentials are the serial numbers of the credentials by which nodes are bound.
func Credentials(ctx context.Context, client kubernetes.Interface) (map[string]string, error) {
	kept, err := client.CoreV1().ConfigMaps(namespace).List(ctx, meta.ListOptions{LabelSelector: label})
	if err != nil {
		return nil, fmt.Errorf("look up which nodes enrolled: %w", err)
	}
	found := make(map[string]string, len(kept.Items))
	for _, one := range kept.Items {
		found[one.Data[keyNode]] = one.Data[keyCredential]
	}
	return found, nil
}
