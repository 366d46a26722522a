// Package fleet lets devices ask that come without a credential: with a card
// that is the same for all. They wait until the operator approves their keys, or
// are on the list of serial numbers that was made beforehand.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"kedge/internal/binding"
	"kedge/internal/enrolment"
	"kedge/internal/fleetlist"
	"kedge/internal/nodeevent"
	"kedge/internal/pending"
	"kedge/internal/revocation"
)

// Reasons of events.
const (
	approvedReason = "DeviceApproved"
	enrolledReason = "NodeEnrolled"
	refusedReason  = "EnrolmentRefused"
	source         = "kedge-fleet"
)

// Options are what a gate works with.
type Options struct {
	Client kubernetes.Interface
	// Address is where devices ask.
	Address string
	// Certificate and Key are files of the API server's, which devices trust.
	Certificate, Key string
	// List and Revoked are what holds now.
	List    func() (fleetlist.List, error)
	Revoked func() (revocation.List, error)
	// Bound is told of every node that became another device.
	Bound func(node string)
	Log   *slog.Logger
}

// Gate answers devices.
type Gate struct {
	options Options
	known   *known
	waiting pending.List
	limits  *limits
	events  nodeevent.Writer

	mu sync.Mutex
	// issued is when a certificate of a node was asked for last.
	issued map[string]time.Time
}

// New makes a gate that has not started.
func New(options Options) *Gate {
	g := &Gate{
		options: options, limits: newLimits(), issued: make(map[string]time.Time),
		events: nodeevent.Writer{Client: options.Client, Source: source, Log: options.Log},
	}
	g.known = &known{onBound: g.bound, onRefused: g.refused}
	return g
}

// Pending are the devices that ask.
func (g *Gate) Pending() []pending.Device { return g.waiting.All(time.Now()) }

// bound tells of a machine that became a node, whoever decided it.
func (g *Gate) bound(is binding.Binding) {
	if is.Credential == is.Key { // by the operator's word; the enroller tells of others
		g.options.Log.Info("a device is approved", "node", is.Node, "device", is.Device.String(), "fingerprint", is.Key)
		g.events.Write(context.Background(), nodeevent.Event{
			Node: is.Node, Reason: approvedReason, Message: fmt.Sprintf("approved %s, %s", is.Device, is.Key),
		})
	}
	if g.options.Bound != nil {
		g.options.Bound(is.Node)
	}
}

func (g *Gate) refused(key string) {
	g.options.Log.Warn("a device is refused by the operator", "fingerprint", key)
}

// strayError is a question that no device of kedge's asks.
type strayError struct{ reason string }

func (e *strayError) Error() string { return e.reason }

// answer is what a device is told. Errors are for later, or a *strayError.
func (g *Gate) answer(ctx context.Context, address string, ask enrolment.Ask) (enrolment.Answer, error) {
	asked, err := judge(ask)
	if err != nil {
		return enrolment.Answer{}, &strayError{err.Error()}
	}
	is, isBound, refused := g.known.device(asked.key)
	if !isBound && refused == "" {
		is, isBound, err = g.expected(ctx, asked)
		asked.node = is.Node
	}
	var refusal *binding.RefusedError
	switch {
	case errors.As(err, &refusal):
		return g.refuse(ctx, address, asked, verdict{refusal.Error(), "its serial number is of no use any more, or another device's; 'kedge node list' on the controller says which"})
	case err != nil:
		return enrolment.Answer{}, err
	case refused != "":
		why := "the operator refused it on " + refused
		return g.refuse(ctx, address, asked, verdict{why, why})
	case !isBound:
		return g.wait(address, asked)
	}
	return g.welcome(ctx, address, asked, is)
}

// wait keeps that a device asks.
func (g *Gate) wait(address string, asked question) (enrolment.Answer, error) {
	if !asked.isState() {
		return enrolment.Answer{}, &strayError{"it asks for a node's certificate, and is no node"}
	}
	isNew, err := g.waiting.Note(asked.pending(address, ""), time.Now())
	if err != nil {
		return enrolment.Answer{}, err
	}
	if isNew {
		g.options.Log.Info("a device asks to be approved", "device", asked.device.String(), "fingerprint", asked.key, "address", address)
	}
	return enrolment.Answer{State: enrolment.Pending, AgainSeconds: g.again(soon)}, nil
}

const (
	// soon is how often a device asks that may be approved any moment.
	soon = 5 * time.Second
	// asksPerSecond is what all that wait ask together.
	asksPerSecond = 10
	// refusedAgain is how often one asks that was refused.
	refusedAgain = 10 * time.Second
)

// again is in how many seconds a device asks again.
func (g *Gate) again(least time.Duration) int {
	return max(int(least/time.Second), g.waiting.Count()/asksPerSecond)
}

// verdict is why a device is refused: as its operator reads it, and as whoever
// asks does, who shall learn nothing of others.
type verdict struct{ known, told string }

// refuse keeps that a device was refused, for people, and tells it.
func (g *Gate) refuse(ctx context.Context, address string, asked question, why verdict) (enrolment.Answer, error) {
	isNew, err := g.waiting.Note(asked.pending(address, why.known), time.Now())
	if err == nil && isNew {
		g.options.Log.Warn("an enrolment is refused", "device", asked.device.String(), "fingerprint", asked.key, "address", address, "reason", why.known)
		if asked.node != "" {
			g.events.Write(ctx, nodeevent.Event{Node: asked.node, IsWarning: true, Reason: refusedReason, Message: why.known})
		}
	}
	return enrolment.Answer{State: enrolment.Refused, AgainSeconds: g.again(refusedAgain), Reason: why.told}, nil
}

// welcome tells a device what it is, and has its certificate signed where it asks for that.
func (g *Gate) welcome(ctx context.Context, address string, asked question, is binding.Binding) (enrolment.Answer, error) {
	asked.node = is.Node
	revoked, err := g.options.Revoked()
	if err != nil {
		return enrolment.Answer{}, err
	}
	if found, isRevoked := revoked.Find(is.Credential); isRevoked {
		why := fmt.Sprintf("the node %s was revoked on %s", is.Node, found.Revoked.Format(time.RFC3339))
		return g.refuse(ctx, address, asked, verdict{why, why})
	}
	if !is.IsSameMachine(binding.Binding{Key: asked.key, Device: asked.device}) {
		why := fmt.Sprintf("the node %s is another machine (%s) with the same key: is this (%s) a copy of its card?",
			is.Node, is.Describe(), binding.Describe(asked.device, asked.key))
		return g.refuse(ctx, address, asked, verdict{why, "another machine has its key: is this a copy of that one's card?"})
	}
	g.waiting.Drop(asked.key)
	if is.Device.MachineID == "" { // it was approved before it had asked
		is.Device = asked.device
		if err := (binding.Store{Core: g.options.Client.CoreV1()}).Describe(ctx, is); err != nil {
			return enrolment.Answer{}, err
		}
	}
	told := enrolment.Answer{State: enrolment.Approved, Node: is.Node, Labels: is.Labels}
	if asked.isState() {
		return told, nil
	}
	if err := asked.isFor(is.Node); err != nil {
		return enrolment.Answer{}, &strayError{err.Error()}
	}
	certificate, err := g.issue(ctx, is.Node, asked)
	told.Certificate = string(certificate)
	return told, err
}
