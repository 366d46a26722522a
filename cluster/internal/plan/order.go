package plan

import (
	"encoding/json"
	"fmt"
	"time"
)

// Annotations of Nodes. A node may write those of its own Node alone, and reads no other.
const (
	// OrderAnnotation is what the controller wants of the node.
	OrderAnnotation = "kedge.io/update-order"
	// ProgressAnnotation is what the node says of it.
	ProgressAnnotation = "kedge.io/update-progress"
)

// Order is what one node is to do. It is a wish: the node judges by its own keys and
// rules what it runs.
type Order struct {
	// ID is another one for every command of every plan.
	ID      string `json:"id"`
	Version string `json:"version"`
	Artifact
	ReadyWithin time.Duration `json:"readyWithin"`
	Bandwidth   int64         `json:"bandwidth,omitempty"`
}

// Phase is how far a node is with its order.
type Phase string

// Phases of an order.
const (
	Downloading Phase = "Downloading"
	Trying      Phase = "Trying" // the new version is started, and has to show that it works
	Done        Phase = "Done"
	Failed      Phase = "Failed"
)

// Progress is what a node says of an order.
type Progress struct {
	Order   string `json:"order"`
	Phase   Phase  `json:"phase"`
	Message string `json:"message,omitempty"`
}

// Annotations are an object's, from which orders and progress are read.
type Annotations map[string]string

// Order is what is wanted of the node; zero: nothing.
func (a Annotations) Order() (Order, error) {
	var order Order
	return order, decode(a[OrderAnnotation], &order)
}

// Progress is what the node said last; zero: nothing.
func (a Annotations) Progress() (Progress, error) {
	var progress Progress
	return progress, decode(a[ProgressAnnotation], &progress)
}

func decode(text string, into any) error {
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("read an annotation of the node: %w", err)
	}
	return nil
}

// Patch is the merge patch that gives a Node one annotation; nil takes it away.
func Patch(annotation string, value any) ([]byte, error) {
	var text any
	if value != nil {
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("write an annotation of a node: %w", err)
		}
		text = string(encoded)
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotation: text}}})
}
