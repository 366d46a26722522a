// Package rollout does what plans say: it looks at plans and nodes, has package plan
// decide, and writes what follows. It remembers nothing, so that a controller that
// was started anew goes on where the other one was.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"kedge/internal/plan"
)

// period lies between two looks while a plan is under way; otherwise nobody looks.
const period = 2 * time.Second

// Rollout follows plans.
type Rollout struct {
	Client kubernetes.Interface
	Plans  dynamic.Interface
	Log    *slog.Logger
}

// Run works until ctx ends.
func (r Rollout) Run(ctx context.Context) error {
	if err := r.awaitResource(ctx); err != nil {
		return nil //nolint:nilerr // it ends
	}
	changed := make(chan struct{}, 1)
	informer, err := r.informer(changed)
	if err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil
	}
	told := ""
	for ctx.Err() == nil {
		isOpen, err := r.look(ctx, informer.GetStore())
		if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && err.Error() != told {
			told = err.Error()
			r.Log.Warn("plans cannot be followed now", "error", err)
		}
		var due <-chan time.Time
		if isOpen || err != nil {
			due = time.After(period)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-due:
		}
	}
	return nil
}

// awaitResource waits until the cluster knows what a plan is.
func (r Rollout) awaitResource(ctx context.Context) error {
	for {
		_, err := r.Plans.Resource(plan.Resource()).List(ctx, meta.ListOptions{Limit: 1})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(period):
		}
	}
}

func (r Rollout) informer(changed chan struct{}) (cache.SharedIndexInformer, error) {
	plans := r.Plans.Resource(plan.Resource())
	informer := cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			return plans.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (watch.Interface, error) {
			return plans.Watch(ctx, options)
		},
	}, &unstructured.Unstructured{}, 0, nil)
	note := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { note() }, UpdateFunc: func(any, any) { note() }, DeleteFunc: func(any) { note() },
	})
	return informer, err
}

// look does once what follows from what is. It says whether a plan is open.
func (r Rollout) look(ctx context.Context, store cache.Store) (isOpen bool, err error) {
	objects := make(map[string]*unstructured.Unstructured)
	var plans []plan.Plan
	for _, each := range store.List() {
		object, is := each.(*unstructured.Unstructured)
		if !is {
			continue
		}
		read, err := plan.Read(object)
		if err != nil {
			return false, err
		}
		objects[read.Name], plans = object, append(plans, read)
		isOpen = isOpen || !read.Status.IsFinal()
	}
	list, err := r.Client.CoreV1().Nodes().List(ctx, meta.ListOptions{})
	if err != nil {
		return isOpen, fmt.Errorf("look at the nodes: %w", err)
	}
	nodes := make(plan.Nodes)
	for _, node := range list.Items {
		nodes[node.Name] = node
	}
	outcome := plan.Reconcile(plans, nodes, time.Now())
	// First what is known of nodes, then what they are told: nobody is under way whom nobody knows of.
	for _, each := range plans {
		if err := r.write(ctx, objects[each.Name].DeepCopy(), each.Status, outcome.Status[each.Name]); err != nil {
			return isOpen, err
		}
	}
	return isOpen, r.order(ctx, nodes, outcome.Orders)
}

func (r Rollout) write(ctx context.Context, object *unstructured.Unstructured, before, now plan.Status) error {
	if now.IsSame(before) {
		return nil
	}
	if err := now.Put(object); err != nil {
		return err
	}
	if _, err := r.Plans.Resource(plan.Resource()).UpdateStatus(ctx, object, meta.UpdateOptions{}); err != nil {
		return fmt.Errorf("write how far the plan %s is: %w", object.GetName(), err)
	}
	if now.State != before.State {
		r.Log.Info("a plan goes on", "plan", object.GetName(), "state", string(now.State), "message", now.Message)
	}
	return nil
}

// order tells nodes what is wanted of them, and takes back what is not any more.
func (r Rollout) order(ctx context.Context, nodes plan.Nodes, orders map[string]plan.Order) error {
	var problems []error
	for name, node := range nodes {
		var wanted any
		order, is := orders[name]
		if is {
			wanted = order
		}
		stands, err := plan.Annotations(node.Annotations).Order()
		if err == nil && stands == order {
			continue
		}
		patch, err := plan.Patch(plan.OrderAnnotation, wanted)
		if err == nil {
			_, err = r.Client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, meta.PatchOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			problems = append(problems, fmt.Errorf("tell the node %s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}
