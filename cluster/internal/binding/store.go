package binding

import (
	"context"
	"errors"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
)

// Store is what the cluster keeps.
type Store struct{ Core typedcore.CoreV1Interface }

func (s Store) maps() typedcore.ConfigMapInterface { return s.Core.ConfigMaps(Namespace) }

// Bind keeps that the machine is the node, and says whether that is new. A
// *RefusedError says why it must not be; any other, that neither is certain.
func (s Store) Bind(ctx context.Context, wanted Binding) (isNew bool, err error) {
	kept, err := s.maps().Get(ctx, prefix+wanted.Node, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, s.create(ctx, wanted)
	}
	if err != nil {
		return false, fmt.Errorf("look up which machine is the node %s: %w", wanted.Node, err)
	}
	is, err := Parse(kept)
	if err != nil {
		return false, err
	}
	if refusal := is.refuses(wanted); refusal != nil {
		return false, refusal
	}
	if is.Credential == wanted.Credential {
		return false, nil // an absence that was long
	}
	return true, s.update(ctx, kept, wanted)
}

// BindFree is Bind for machines that prove less than a credential does: a node
// that joined in another way is nobody else.
func (s Store) BindFree(ctx context.Context, wanted Binding) (isNew bool, err error) {
	_, err = s.maps().Get(ctx, prefix+wanted.Node, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		if err := s.checkFree(ctx, wanted.Node); err != nil {
			return false, err
		}
	}
	return s.Bind(ctx, wanted)
}

func (s Store) checkFree(ctx context.Context, node string) error {
	_, err := s.Core.Nodes().Get(ctx, node, meta.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("look whether there is a node %s: %w", node, err)
	}
	return &RefusedError{fmt.Sprintf("the cluster has a node %s, which joined in another way", node)}
}

// Approve binds a machine to a node that nobody is, by the operator's word.
// isReplacing has it be the node in the place of whoever was.
func (s Store) Approve(ctx context.Context, wanted Binding, isReplacing bool) error {
	known, err := s.All(ctx)
	if err != nil {
		return err
	}
	for _, one := range known {
		if one.Key == wanted.Key && one.Node != wanted.Node {
			return &RefusedError{fmt.Sprintf("this device is the node %s already", one.Node)}
		}
		if one.Node == wanted.Node && one.Key != wanted.Key && !isReplacing {
			return &RefusedError{fmt.Sprintf("the node %s is another device (%s)", one.Node, one.Describe())}
		}
	}
	if isReplacing {
		return s.replace(ctx, wanted)
	}
	if err := s.checkFree(ctx, wanted.Node); err != nil {
		return err
	}
	return s.create(ctx, wanted)
}

// replace also deletes the Node, which the former machine reported.
func (s Store) replace(ctx context.Context, wanted Binding) error {
	kept, err := s.maps().Get(ctx, prefix+wanted.Node, meta.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		err = s.create(ctx, wanted)
	case err == nil:
		err = s.update(ctx, kept, wanted)
	}
	if err != nil {
		return err
	}
	if err := s.Core.Nodes().Delete(ctx, wanted.Node, meta.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the node %s, which was another machine: %w", wanted.Node, err)
	}
	return nil
}

// Describe keeps what a machine says of itself that was approved before it had asked.
func (s Store) Describe(ctx context.Context, is Binding) error {
	kept, err := s.maps().Get(ctx, prefix+is.Node, meta.GetOptions{})
	if err != nil {
		return s.kept(is.Node, err)
	}
	if before, err := Parse(kept); err != nil || before.Key != is.Key {
		return s.kept(is.Node, errors.Join(err, errors.New("it is another machine by now")))
	}
	return s.update(ctx, kept, is)
}

func (s Store) create(ctx context.Context, wanted Binding) error {
	wanted.Bound = time.Now().UTC().Truncate(time.Second)
	made, err := wanted.configMap()
	if err == nil {
		_, err = s.maps().Create(ctx, made, meta.CreateOptions{})
	}
	return s.kept(wanted.Node, err)
}

func (s Store) update(ctx context.Context, kept *core.ConfigMap, wanted Binding) error {
	wanted.Bound = time.Now().UTC().Truncate(time.Second)
	changed, err := wanted.configMap()
	if err == nil {
		changed.ResourceVersion = kept.ResourceVersion
		_, err = s.maps().Update(ctx, changed, meta.UpdateOptions{})
	}
	return s.kept(wanted.Node, err)
}

func (s Store) kept(node string, err error) error {
	if err != nil {
		return fmt.Errorf("keep which machine is the node %s: %w", node, err)
	}
	return nil
}

// All are the bindings that there are.
func (s Store) All(ctx context.Context) ([]Binding, error) {
	kept, err := s.maps().List(ctx, meta.ListOptions{LabelSelector: Label + "="})
	if err != nil {
		return nil, fmt.Errorf("look up which nodes enrolled: %w", err)
	}
	var problems []error
	found := make([]Binding, 0, len(kept.Items))
	for i := range kept.Items {
		one, err := Parse(&kept.Items[i])
		if err == nil {
			found = append(found, one)
		}
		problems = append(problems, err)
	}
	return found, errors.Join(problems...)
}

// Credentials are the serial numbers of the credentials by which nodes are bound.
func (s Store) Credentials(ctx context.Context) (map[string]string, error) {
	kept, err := s.maps().List(ctx, meta.ListOptions{LabelSelector: Label + "="})
	if err != nil {
		return nil, fmt.Errorf("look up which nodes enrolled: %w", err)
	}
	found := make(map[string]string, len(kept.Items))
	for _, one := range kept.Items {
		found[one.Data[keyNode]] = one.Data[keyCredential]
	}
	return found, nil
}
