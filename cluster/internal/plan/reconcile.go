package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Outcome is what follows from what is.
type Outcome struct {
	// Status is that of each plan, by name.
	Status map[string]Status
	// Orders are what nodes are to be told; whoever is not named is told nothing.
	Orders map[string]Order
}

// Reconcile says what follows from the plans and the nodes. Plans have their turn by
// age, one after the other; one that failed holds back the next ones until it is deleted.
func Reconcile(plans []Plan, nodes Nodes, now time.Time) Outcome {
	outcome := Outcome{Status: make(map[string]Status), Orders: make(map[string]Order)}
	before := ""
	for _, p := range sorted(plans) {
		status := p.Status
		switch {
		case status.IsFinal():
		case p.Spec.Aborted:
			status.State, status.Message = Aborted, ""
		case before != "":
			status.State, status.Message = Schedulable, "the plan "+before+" comes first"
		default:
			r := run{plan: p, nodes: nodes, now: meta.NewTime(now.UTC().Truncate(time.Second)), orders: outcome.Orders}
			status = r.advance()
			if !status.IsFinal() {
				before = p.Name
			}
		}
		if status.isFailed() && before == "" {
			before = p.Name
		}
		outcome.Status[p.Name] = status
	}
	return outcome
}

// run is one look at the plan whose turn it is.
type run struct {
	plan   Plan
	nodes  Nodes
	now    meta.Time
	orders map[string]Order
}

func (r run) advance() Status {
	status := r.plan.Status
	if len(status.Commands) == 0 {
		if status = r.begin(); status.IsFinal() {
			return status
		}
	}
	status.Commands = slices.Clone(status.Commands)
	for i := range status.Commands {
		command := &status.Commands[i]
		if command.State == Completed {
			continue
		}
		message := r.command(command)
		if command.State == Completed && i+1 < len(status.Commands) {
			continue
		}
		status.State, status.Message = command.State, message
		if command.State == ApplyFailed {
			clear(r.orders)
		}
		return status
	}
	status.State, status.Message = Completed, ""
	return status
}

// begin finds the nodes of all commands, before any of them is told anything.
func (r run) begin() Status {
	status := Status{State: Schedulable}
	var problems []string
	for i, command := range r.plan.Spec.Commands {
		found, wrong := command.KedgeUpdate.resolve(r.nodes, r.now)
		for _, problem := range wrong {
			problems = append(problems, fmt.Sprintf("command %d: %s", i, problem))
		}
		status.Commands = append(status.Commands, CommandStatus{ID: i, State: Schedulable, KedgeUpdate: KedgeUpdateStatus{Workers: found}})
	}
	if len(problems) > 0 {
		return Status{State: IncompleteTargets, Message: strings.Join(problems, "; ")}
	}
	return status
}

// command looks how far its nodes are, and tells the next ones. It returns what a
// person should know.
func (r run) command(status *CommandStatus) string {
	update := r.plan.Spec.Commands[status.ID].KedgeUpdate
	id := fmt.Sprintf("%s/%d", r.plan.UID, status.ID)
	targets := slices.Clone(status.KedgeUpdate.Workers)
	status.KedgeUpdate.Workers = targets
	var failed, away, under []string
	for i := range targets {
		target := &targets[i]
		r.look(target, update, id)
		switch node, is := r.nodes[target.Name]; {
		case target.State == SignalApplyFailed:
			failed = append(failed, target.Name+": "+target.Message)
		case target.State == SignalSent:
			under = append(under, target.Name)
			r.orders[target.Name] = update.order(id, node)
		case target.State != SignalMissingNode && (!is || !isReady(node)):
			away = append(away, target.Name)
		}
	}
	if len(failed) > 0 {
		status.State = ApplyFailed
		return strings.Join(failed, "; ")
	}
	if !r.plan.Spec.Paused && !hasUnwell(targets, away) {
		for i := range targets {
			if target := &targets[i]; target.State == SignalPending && len(under) < max(1, update.Targets.Workers.Limits.Concurrent) && !slices.Contains(away, target.Name) {
				target.State, target.Updated, target.Message = SignalSent, r.now, ""
				under = append(under, target.Name)
				r.orders[target.Name] = update.order(id, r.nodes[target.Name])
			}
		}
	}
	status.State = stateOf(targets, r.plan.Spec.Paused, under)
	return waiting(under, away)
}

// hasUnwell says that a node that has the new version is not Ready: whatever it is,
// no other node shall follow it there.
func hasUnwell(targets []NodeStatus, away []string) bool {
	return slices.ContainsFunc(targets, func(t NodeStatus) bool { return t.State == SignalCompleted && slices.Contains(away, t.Name) })
}

func stateOf(targets []NodeStatus, paused bool, under []string) State {
	isOpen := func(t NodeStatus) bool { return t.State == SignalPending || t.State == SignalSent }
	switch {
	case !slices.ContainsFunc(targets, isOpen):
		return Completed
	case paused && len(under) == 0:
		return Paused
	default:
		return SchedulableWait
	}
}

func waiting(under, away []string) string {
	var parts []string
	if len(under) > 0 {
		parts = append(parts, "under way: "+strings.Join(under, ", "))
	}
	if len(away) > 0 {
		parts = append(parts, "not Ready: "+strings.Join(away, ", "))
	}
	return strings.Join(parts, "; ")
}

// look takes what a node says of its order.
func (r run) look(target *NodeStatus, update KedgeUpdate, id string) {
	node, is := r.nodes[target.Name]
	switch {
	case target.State == SignalPending && !is:
		target.State, target.Updated = SignalMissingNode, r.now
	case target.State != SignalSent:
	default:
		// What cannot be read says nothing, and the time goes on.
		said, _ := Annotations(node.Annotations).Progress()
		if said.Order != id {
			said = Progress{}
		}
		switch {
		case said.Phase == Done && isReady(node):
			target.State, target.Updated, target.Message = SignalCompleted, r.now, ""
		case said.Phase == Failed:
			target.State, target.Updated, target.Message = SignalApplyFailed, r.now, said.Message
		case r.now.Sub(target.Updated.Time) > update.timeout():
			target.State, target.Updated = SignalApplyFailed, r.now
			target.Message = fmt.Sprintf("it does not run %s after %s: %s", update.Version, update.timeout(), standing(said, is, is && isReady(node)))
		default:
			target.Message = standing(said, is, is && isReady(node))
		}
	}
}

// standing is how a node stands that is under way.
func standing(said Progress, is, ready bool) string {
	text := "it has not answered"
	if said.Phase != "" {
		text = string(said.Phase)
	}
	if said.Message != "" {
		text += ", " + said.Message
	}
	switch {
	case !is:
		text += "; it is no node of the cluster any more"
	case !ready:
		text += "; it is not Ready"
	}
	return text
}
