package enroller

import (
	"context"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	normal  = core.EventTypeNormal
	warning = core.EventTypeWarning
	source  = "kedge-enroller"
)

// tell leaves an event at the node. The log has it too, so that one that cannot
// be written is no reason to decide otherwise.
func (e *Enroller) tell(ctx context.Context, node, kind, reason, message string) {
	now := meta.NewTime(time.Now())
	_, err := e.client.CoreV1().Events(meta.NamespaceDefault).Create(ctx, &core.Event{
		ObjectMeta: meta.ObjectMeta{Name: fmt.Sprintf("%s.%x", node, now.UnixNano()), Namespace: meta.NamespaceDefault},
		// As kubelets name their nodes, so that `kubectl describe node` finds it.
		InvolvedObject: core.ObjectReference{Kind: "Node", Name: node, UID: types.UID(node)},
		Type:           kind, Reason: reason, Message: message, Source: core.EventSource{Component: source},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, meta.CreateOptions{})
	if err != nil {
		e.log.Warn("an event cannot be written", "node", node, "reason", reason, "error", err)
	}
}
