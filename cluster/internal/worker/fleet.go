package worker

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"kedge/internal/enrolment"
	"kedge/internal/nodecert"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// waitingError is a device that is no node yet, because nobody has decided, or
// somebody has refused it; both may change.
type waitingError struct{ state deviceState }

func (e *waitingError) Error() string {
	if e.state.State == enrolment.Refused {
		return fmt.Sprintf("refused: %s; this device's fingerprint is %s", e.state.Reason, e.state.Fingerprint)
	}
	return fmt.Sprintf("pending: this device waits to be approved; compare its fingerprint, and on the controller: kedge node approve %s NAME", e.state.Fingerprint)
}

// deviceState is how it stands with a device, for whoever shows that to people.
type deviceState struct {
	State       string `json:"state"`
	Reason      string `json:"reason,omitempty"`
	Fingerprint string `json:"fingerprint"`
	Serial      string `json:"serialNumber,omitempty"`
	MachineID   string `json:"machineID"`
}

// approval is what a device was approved as. It is kept: the controller may be away.
type approval struct {
	Node   string            `json:"node"`
	Labels map[string]string `json:"labels,omitempty"`
}

// asking is a device that asks to be a node.
type asking struct {
	w         *Worker
	key       *ecdsa.PrivateKey
	authority *x509.CertPool
	state     deviceState
	servers   []string
}

// enrolAsDevice asks for a name and its certificate with nothing but this
// machine's own key, and waits as long as people take. It returns which server answered.
func (w *Worker) enrolAsDevice(ctx context.Context, right Right, tell func(error)) (string, error) {
	key, err := deviceKey(w.Layout.DeviceKey())
	if err != nil {
		return "", err
	}
	fingerprint, err := enrolment.Fingerprint(key.Public())
	if err != nil {
		return "", err
	}
	device := thisDevice()
	a := &asking{w: w, key: key, authority: x509.NewCertPool(), servers: slices.Clone(right.Servers), state: deviceState{
		State: enrolment.Pending, Fingerprint: fingerprint, Serial: device.Serial, MachineID: device.MachineID,
	}}
	a.authority.AppendCertsFromPEM(right.CA)
	server, err := a.insist(ctx, tell)
	if err != nil {
		return "", err
	}
	if err := os.Remove(w.Layout.EnrolmentState()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		role.LogOf(w.Log, join).Warn("what was told of the waiting cannot be removed", "error", err)
	}
	return server, nil
}

// insist asks until the certificate is there, ctx ends, or what is wrong will not go away.
func (a *asking) insist(ctx context.Context, tell func(error)) (string, error) {
	told := ""
	for {
		server, pause, err := a.try(ctx)
		if err == nil {
			return server, nil
		}
		if final := judge(err, time.Now()); final != nil {
			return "", final
		}
		tell(err)
		if err.Error() != told {
			told = err.Error()
			role.LogOf(a.w.Log, join).Warn("not joined yet", "problem", err)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
	}
}

// try asks once how things stand and, where the device is approved, for its certificate.
func (a *asking) try(ctx context.Context) (server string, pause time.Duration, err error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.key)
	if err != nil {
		return "", again, fmt.Errorf("make a request of this device: %w", err)
	}
	server, answer, err := a.askAny(ctx, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	if err != nil {
		return "", again, err
	}
	if answer.State != enrolment.Approved {
		a.state.State, a.state.Reason = enrolment.Pending, ""
		if answer.State == enrolment.Refused {
			a.state.State, a.state.Reason = enrolment.Refused, answer.Reason
		}
		return "", max(again, time.Duration(answer.AgainSeconds)*time.Second), errors.Join(&waitingError{a.state}, a.show())
	}
	return server, again, a.take(ctx, server, answer)
}

// take becomes the node that the device was approved as.
func (a *asking) take(ctx context.Context, server string, answer enrolment.Answer) error {
	if problems := validation.IsDNS1123Subdomain(answer.Node); len(problems) > 0 {
		return fmt.Errorf("the controller calls this device %q: %s", answer.Node, strings.Join(problems, "; "))
	}
	spec, err := nodecert.ClientRequest(answer.Node, a.key)
	if err != nil {
		return err
	}
	signed, err := a.ask(ctx, server, spec.Request)
	if err != nil {
		return err
	}
	encoded, err := encodeKey(a.key)
	if err != nil {
		return err
	}
	content, err := json.Marshal(approval{Node: answer.Node, Labels: answer.Labels})
	if err == nil {
		err = wholefile.Write(a.w.Layout.DeviceNode(), content, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep what this device was approved as: %w", err)
	}
	role.LogOf(a.w.Log, join).Info("the controller approved this device", "node", answer.Node)
	a.w.name = answer.Node
	return nodecert.Keep(a.w.Layout.Worker(), []byte(signed.Certificate), encoded)
}

// askAny asks the servers, the last that answered first.
func (a *asking) askAny(ctx context.Context, request []byte) (string, enrolment.Answer, error) {
	var problems []error
	for _, server := range a.servers {
		answer, err := a.ask(ctx, server, request)
		if err == nil {
			a.servers = append([]string{server}, slices.DeleteFunc(a.servers, func(one string) bool { return one == server })...)
			return server, answer, nil
		}
		problems = append(problems, err)
	}
	return "", enrolment.Answer{}, errors.Join(problems...)
}

func (a *asking) ask(ctx context.Context, server string, request []byte) (enrolment.Answer, error) {
	address, err := url.Parse(server)
	if err != nil {
		return enrolment.Answer{}, err
	}
	return enrolment.Post(ctx, enrolment.Address(address.Hostname()), a.authority, enrolment.Ask{
		Request: string(request), MachineID: a.state.MachineID, Serial: a.state.Serial,
	})
}

// show writes how things stand where others show it; only what is new.
func (a *asking) show() error {
	content, err := json.Marshal(a.state)
	if err != nil {
		return err
	}
	file := a.w.Layout.EnrolmentState()
	if was, err := os.ReadFile(file); err == nil && string(was) == string(content) {
		return nil
	}
	return wholefile.Write(file, content, 0o644)
}

// approved is what a device was approved as at an earlier start; empty: it was not.
func (w *Worker) approved() (approval, error) {
	var found approval
	content, err := os.ReadFile(w.Layout.DeviceNode())
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &found)
	}
	if err != nil {
		return found, fmt.Errorf("read what this device was approved as: %w", err)
	}
	return found, nil
}

// labels are those that the node registers with: the command line's, and over them the controller's.
func (w *Worker) labels() (map[string]string, error) {
	if !w.options.IsOfFleet {
		return w.options.Labels, nil
	}
	is, err := w.approved()
	labels := maps.Clone(w.options.Labels)
	if labels == nil {
		labels = make(map[string]string)
	}
	maps.Copy(labels, is.Labels)
	return labels, err
}
