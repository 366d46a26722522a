// Package plan is how a fleet is updated: the objects that say what is wanted and
// what nodes are told, and the rules by which one follows from the other. It asks
// nobody and changes nothing.
package plan

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resource is where plans are in the API.
func Resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "kedge.io", Version: "v1alpha1", Resource: "plans"}
}

// ArtifactsPort is where a controller serves what nodes are to run.
const ArtifactsPort = 9444

// State is how far a plan or a command is. The names are those of k0s' autopilot,
// as far as it has them.
type State string

// States of plans and commands.
const (
	Schedulable       State = "Schedulable"       // it is as good as can be, and nothing of it is under way
	SchedulableWait   State = "SchedulableWait"   // nodes are under way, or waited for
	Completed         State = "Completed"         // every node runs what was wanted
	ApplyFailed       State = "ApplyFailed"       // a node could not, and no other is told any more
	IncompleteTargets State = "IncompleteTargets" // it names nodes that there are not, or has nothing for some; nobody was told anything
	Paused            State = "Paused"            // nobody else is told until it goes on
	Aborted           State = "Aborted"           // nobody is told any more
)

// NodeState is how far a node is with a command.
type NodeState string

// States of nodes.
const (
	SignalPending     NodeState = "SignalPending"
	SignalSent        NodeState = "SignalSent"
	SignalCompleted   NodeState = "SignalCompleted"
	SignalApplyFailed NodeState = "SignalApplyFailed"
	SignalMissingNode NodeState = "SignalMissingNode" // it was removed from the cluster before its turn
)

// Plan is what an operator wants of a fleet.
type Plan struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            Spec   `json:"spec"`
	Status          Status `json:"status,omitzero"`
}

// Spec is what is wanted. Commands do not change once they are there.
type Spec struct {
	ID        string    `json:"id,omitempty"`
	Timestamp string    `json:"timestamp,omitempty"`
	Paused    bool      `json:"paused,omitempty"`
	Aborted   bool      `json:"aborted,omitempty"`
	Commands  []Command `json:"commands"`
}

// Command is one step of a plan. The next one begins when it is completed.
type Command struct {
	KedgeUpdate KedgeUpdate `json:"kedgeUpdate"`
}

// KedgeUpdate is another version of kedge on some nodes.
type KedgeUpdate struct {
	Version   string              `json:"version"`
	Platforms map[string]Artifact `json:"platforms"` // by operating system and architecture: linux-arm64
	Targets   Targets             `json:"targets"`
	// Timeout is how long a node may take; ReadyWithin how long its new version may
	// until it is ready. Bandwidth is what each node fetches at most in a second, in bytes.
	Timeout     meta.Duration `json:"timeout,omitzero"`
	ReadyWithin meta.Duration `json:"readyWithin,omitzero"`
	Bandwidth   int64         `json:"bandwidth,omitempty"`
}

// Artifact is a file that nodes fetch: from a URL, or, without a scheme, by its name
// from their controller.
type Artifact struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256,omitempty"`
}

// Targets are the nodes that a command is for.
type Targets struct {
	Workers Target `json:"workers"`
}

// Target is one kind of them.
type Target struct {
	Discovery Discovery `json:"discovery"`
	Limits    Limits    `json:"limits,omitzero"`
}

// Discovery says which: by name, or by what they are.
type Discovery struct {
	Static   *Static   `json:"static,omitempty"`
	Selector *Selector `json:"selector,omitempty"`
}

// Static are names.
type Static struct {
	Nodes []string `json:"nodes"`
}

// Selector picks nodes as kubectl does. An empty one picks all.
type Selector struct {
	Labels string `json:"labels,omitempty"`
	Fields string `json:"fields,omitempty"`
}

// Limits bound what is under way at once.
type Limits struct {
	Concurrent int `json:"concurrent,omitempty"`
}

// Status is how far a plan is, and all that is known of that.
type Status struct {
	State    State           `json:"state"`
	Message  string          `json:"message,omitempty"`
	Commands []CommandStatus `json:"commands,omitempty"`
}

// CommandStatus is how far a command is. Its nodes are those that there were when
// the plan began.
type CommandStatus struct {
	ID          int               `json:"id"`
	State       State             `json:"state"`
	KedgeUpdate KedgeUpdateStatus `json:"kedgeUpdate"`
}

// KedgeUpdateStatus is how far nodes are.
type KedgeUpdateStatus struct {
	Workers []NodeStatus `json:"workers"`
}

// NodeStatus is how far one node is, and since when.
type NodeStatus struct {
	Name    string    `json:"name"`
	State   NodeState `json:"state"`
	Updated meta.Time `json:"lastUpdatedTimestamp"`
	Message string    `json:"message,omitempty"`
}

// IsFinal says that nothing follows any more.
func (s Status) IsFinal() bool {
	return s.isFailed() || s.State == Completed || s.State == Aborted
}

// IsSame says that there is nothing new to write.
func (s Status) IsSame(other Status) bool { return equality.Semantic.DeepEqual(s, other) }

// isFailed says that somebody has to look.
func (s Status) isFailed() bool { return s.State == ApplyFailed || s.State == IncompleteTargets }

const (
	defaultTimeout     = 30 * time.Minute
	defaultReadyWithin = 15 * time.Minute
)

func (u KedgeUpdate) timeout() time.Duration { return orDefault(u.Timeout, defaultTimeout) }

func orDefault(given meta.Duration, otherwise time.Duration) time.Duration {
	if given.Duration > 0 {
		return given.Duration
	}
	return otherwise
}

// Read takes a plan as the API server has it.
func Read(object *unstructured.Unstructured) (Plan, error) {
	var p Plan
	content, err := object.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(content, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read the plan %s: %w", object.GetName(), err)
	}
	return p, nil
}

// Put writes a status into a plan as the API server has it.
func (s Status) Put(object *unstructured.Unstructured) error {
	var fields map[string]any
	content, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(content, &fields)
	}
	if err == nil {
		err = unstructured.SetNestedMap(object.Object, fields, "status")
	}
	if err != nil {
		return fmt.Errorf("write the status of the plan %s: %w", object.GetName(), err)
	}
	return nil
}
