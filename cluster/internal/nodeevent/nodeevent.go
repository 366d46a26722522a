// Package nodeevent tells the cluster what happened to a node, where
// "kubectl describe node" shows it.
package nodeevent

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Writer writes events of nodes.
type Writer struct {
	Client kubernetes.Interface
	// Source is who tells.
	Source string
	Log    *slog.Logger
}

// Event is what happened.
type Event struct {
	Node string
	// IsWarning says that somebody should look.
	IsWarning bool
	// Reason is one word, Message a sentence.
	Reason, Message string
}

// Write leaves an event at its node. One that cannot be written is in the log:
// whoever tells of a decision has made it already.
func (w Writer) Write(ctx context.Context, e Event) {
	kind := core.EventTypeNormal
	if e.IsWarning {
		kind = core.EventTypeWarning
	}
	now := meta.NewTime(time.Now())
	_, err := w.Client.CoreV1().Events(meta.NamespaceDefault).Create(ctx, &core.Event{
		ObjectMeta: meta.ObjectMeta{Name: fmt.Sprintf("%s.%x", e.Node, now.UnixNano()), Namespace: meta.NamespaceDefault},
		// As kubelets name their nodes.
		InvolvedObject: core.ObjectReference{Kind: "Node", Name: e.Node, UID: types.UID(e.Node)},
		Type:           kind, Reason: e.Reason, Message: e.Message, Source: core.EventSource{Component: w.Source},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, meta.CreateOptions{})
	if err != nil {
		w.Log.Warn("an event cannot be written", "node", e.Node, "reason", e.Reason, "message", e.Message, "error", err)
	}
}
