// Package manifests keeps the cluster as directories of manifests say: what is
// in them is applied, what is no longer in them is pruned.
package manifests

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

const (
	fieldManager = "kedge"
	stackLabel   = "kedge/stack"
)

// Cluster is where stacks are applied.
type Cluster struct {
	Client dynamic.Interface
	// Mapper is reset when it does not know a kind, which may be new.
	Mapper meta.ResettableRESTMapper
	Log    *slog.Logger
}

// Sync makes the cluster have what the stack has. What is wrong with one object
// does not keep the others from being applied, but nothing is pruned then.
func (c Cluster) Sync(ctx context.Context, stack Stack) error {
	records := newRecords(c.Client)
	before, err := records.read(ctx, stack.Name)
	if err != nil {
		return err
	}
	objects, wanted, err := c.place(stack.Objects)
	problems := []error{stack.Problem, err}
	left := without(before, wanted)
	noted := slices.Concat(wanted, left)
	if err := records.write(ctx, stack.Name, before, noted); err != nil {
		return err
	}
	for _, object := range objects {
		problems = append(problems, c.apply(ctx, stack.Name, object))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, reference := range left {
		if err := c.prune(ctx, stack.Name, reference); err != nil {
			return err
		}
	}
	return records.write(ctx, stack.Name, noted, wanted)
}

// place puts objects into their namespaces and into the order in which they are
// applied. An object of an unknown kind has its place too: what was noted of it
// must not be pruned.
func (c Cluster) place(objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, []Reference, error) {
	placed := make([]*unstructured.Unstructured, 0, len(objects))
	for _, object := range objects {
		placed = append(placed, object.DeepCopy())
	}
	slices.SortStableFunc(placed, func(a, b *unstructured.Unstructured) int { return inOrder(refer(a), refer(b)) })
	references := make([]Reference, 0, len(placed))
	var problems []error
	for _, object := range placed {
		mapping, err := c.mapping(refer(object), object.GroupVersionKind().Version)
		switch {
		case meta.IsNoMatchError(err): // its definition may be in this stack: tried again when it is applied
		case err != nil:
			problems = append(problems, err)
		case mapping.Scope.Name() == meta.RESTScopeNameNamespace && object.GetNamespace() == "":
			object.SetNamespace(metav1.NamespaceDefault)
		}
		references = append(references, refer(object))
	}
	return placed, references, errors.Join(problems...)
}

func (c Cluster) mapping(reference Reference, versions ...string) (*meta.RESTMapping, error) {
	mapping, err := c.Mapper.RESTMapping(reference.groupKind(), versions...)
	if meta.IsNoMatchError(err) {
		c.Mapper.Reset()
		mapping, err = c.Mapper.RESTMapping(reference.groupKind(), versions...)
	}
	if err != nil {
		return nil, fmt.Errorf("find the API of %s: %w", reference, err)
	}
	return mapping, nil
}

func (c Cluster) resource(mapping *meta.RESTMapping, namespace string) dynamic.ResourceInterface {
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.Client.Resource(mapping.Resource).Namespace(namespace)
	}
	return c.Client.Resource(mapping.Resource)
}

func (c Cluster) apply(ctx context.Context, stack string, object *unstructured.Unstructured) error {
	reference := refer(object)
	mapping, err := c.mapping(reference, object.GroupVersionKind().Version)
	if err != nil {
		return err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace && reference.Namespace == "" {
		return fmt.Errorf("the API of %s has only just come", reference)
	}
	resource := c.resource(mapping, reference.Namespace)
	live, err := resource.Get(ctx, reference.Name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("read %s: %w", reference, err)
	}
	if err == nil {
		if owner := live.GetLabels()[stackLabel]; owner != "" && owner != stack {
			return fmt.Errorf("%s belongs to stack %s: only one of the two may have it", reference, owner)
		}
	}
	labels := object.GetLabels()
	if labels == nil {
		labels = make(map[string]string)
	}
	labels[stackLabel] = stack
	object.SetLabels(labels)
	if _, err := resource.Apply(ctx, reference.Name, object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
		return fmt.Errorf("apply %s: %w", reference, err)
	}
	return nil
}

// prune deletes what a stack no longer has, if it is still the stack's.
func (c Cluster) prune(ctx context.Context, stack string, reference Reference) error {
	mapping, err := c.mapping(reference)
	if meta.IsNoMatchError(err) {
		return nil // gone with its definition
	}
	if err != nil {
		return err
	}
	resource := c.resource(mapping, reference.Namespace)
	live, err := resource.Get(ctx, reference.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && live.GetLabels()[stackLabel] != stack {
		return nil
	}
	if err == nil {
		err = c.release(ctx, resource, reference, live)
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("prune %s: %w", reference, err)
	}
	return nil
}

// release deletes an object, or gives it away when others may live in it.
func (c Cluster) release(ctx context.Context, resource dynamic.ResourceInterface, reference Reference, live *unstructured.Unstructured) error {
	if reference.holdsOthers() {
		c.Log.Warn("what others may be in is not deleted", "object", reference.String(), "remedy", "kubectl delete "+reference.String())
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:null}}}`, stackLabel)
		_, err := resource.Patch(ctx, reference.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		return err
	}
	uid, background := live.GetUID(), metav1.DeletePropagationBackground
	return resource.Delete(ctx, reference.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background,
	})
}
