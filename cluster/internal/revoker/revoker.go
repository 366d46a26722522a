// Package revoker has the controller refuse nodes whose credentials were taken back.
package revoker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/binding"
	"kedge/internal/nodeevent"
	"kedge/internal/revocation"
)

const (
	// period is how often the list is looked at. It changes when somebody puts another one there.
	period = 2 * time.Second
	reason = "NodeRevoked"
	source = "kedge-revoker"
)

// Revoker refuses nodes.
type Revoker struct {
	Client kubernetes.Interface
	// File is the list of revoked credentials.
	File string
	Log  *slog.Logger
	// Refuse has these nodes, and no others, refused from now on. added are those
	// that were not refused before.
	Refuse func(ctx context.Context, nodes, added []string) error

	// bound says that another machine became a node.
	bound chan struct{}
	// refused is what was applied last, and read what the list was then.
	refused []string
	read    stamp
}

// stamp tells one state of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// New makes a revoker that has not started. refused is what is refused already.
func New(r Revoker, refused []string) *Revoker {
	r.bound, r.refused = make(chan struct{}, 1), refused
	return &r
}

// Bound has the revoker look again, because a node is another machine now.
func (r *Revoker) Bound(string) {
	select {
	case r.bound <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (r *Revoker) Run(ctx context.Context) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	told, wasGone := "", false
	for due := true; ctx.Err() == nil; {
		is := stampOf(r.File)
		// Whoever unpacks another list over this one removes it first: it is gone when it is gone twice.
		isGone := is == stamp{}
		doubtful := isGone && !wasGone && len(r.refused) > 0
		wasGone = isGone
		if (due || is != r.read) && !doubtful {
			err := r.apply(ctx)
			due = err != nil
			switch {
			case err == nil:
				r.read, told = is, ""
			case err.Error() != told:
				told = err.Error()
				r.Log.Error("what was revoked is not refused yet", "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-r.bound:
			due = true
		}
	}
	return nil
}

func stampOf(file string) stamp {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime()}
}

// apply reads the list and refuses what is on it.
func (r *Revoker) apply(ctx context.Context) error {
	list, err := revocation.Read(r.File)
	if err != nil {
		return err
	}
	nodes := list.Nodes()
	if len(nodes) > 0 {
		bound, err := binding.Store{Core: r.Client.CoreV1()}.Credentials(ctx)
		if err != nil {
			return err
		}
		nodes = Refused(list, bound)
	}
	added := slices.DeleteFunc(slices.Clone(nodes), func(node string) bool { return slices.Contains(r.refused, node) })
	if !slices.Equal(nodes, r.refused) {
		if err := r.Refuse(ctx, nodes, added); err != nil {
			return fmt.Errorf("refuse %s: %w", strings.Join(nodes, ", "), err)
		}
		r.refused = nodes
	}
	for _, node := range nodes {
		if err := r.remove(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

// Refused are the nodes that count no longer: those that joined with a
// credential of the list, and those of which nobody knows how they joined.
func Refused(list revocation.List, bound map[string]string) []string {
	return slices.DeleteFunc(list.Nodes(), func(node string) bool {
		credential, is := bound[node]
		if !is {
			return false
		}
		_, revoked := list.Find(credential)
		return !revoked
	})
}

// remove deletes the Node, with which its pods go.
func (r *Revoker) remove(ctx context.Context, node string) error {
	err := r.Client.CoreV1().Nodes().Delete(ctx, node, meta.DeleteOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("delete the node %s: %w", node, err)
	}
	r.Log.Warn("a node was revoked", "node", node)
	events := nodeevent.Writer{Client: r.Client, Source: source, Log: r.Log}
	events.Write(ctx, nodeevent.Event{
		Node: node, IsWarning: true, Reason: reason, Message: "its credential was revoked: its requests and its tunnel are refused",
	})
	return nil
}

// AtStart are the nodes that are refused until the cluster can be asked how they joined.
func AtStart(file string) ([]string, error) {
	list, err := revocation.Read(file)
	return list.Nodes(), err
}
