package manifests

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

const (
	recordPrefix = "kedge-stack-"
	recordLabel  = "kedge/record"
	recordKey    = "objects"
)

// records keeps in the cluster what each stack has there, so that it can be
// pruned after any restart. An object is noted before it is made.
type records struct {
	client dynamic.ResourceInterface
}

func newRecords(client dynamic.Interface) records {
	configMaps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	return records{client.Resource(configMaps).Namespace(meta.NamespaceSystem)}
}

// names are the stacks that have something in the cluster.
func (r records) names(ctx context.Context) ([]string, error) {
	list, err := r.client.List(ctx, meta.ListOptions{LabelSelector: recordLabel + "=stack"})
	if err != nil {
		return nil, fmt.Errorf("list the stacks of the cluster: %w", err)
	}
	names := make([]string, 0, len(list.Items))
	for _, item := range list.Items {
		names = append(names, strings.TrimPrefix(item.GetName(), recordPrefix))
	}
	return names, nil
}

// read is empty for a stack that has nothing.
func (r records) read(ctx context.Context, stack string) ([]Reference, error) {
	found, err := r.client.Get(ctx, recordPrefix+stack, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what stack %s has in the cluster: %w", stack, err)
	}
	text, _, err := unstructured.NestedString(found.Object, "data", recordKey)
	var references []Reference
	if err == nil {
		err = json.Unmarshal([]byte(text), &references)
	}
	if err != nil {
		return nil, fmt.Errorf("configmap %s in %s is damaged: %w; delete it, and what the stack no longer has stays in the cluster",
			found.GetName(), meta.NamespaceSystem, err)
	}
	return references, nil
}

// write replaces the record that holds before; none is kept for a stack without objects.
func (r records) write(ctx context.Context, stack string, before, after []Reference) error {
	if slices.Equal(before, after) {
		return nil
	}
	name := recordPrefix + stack
	if len(after) == 0 {
		err := r.client.Delete(ctx, name, meta.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove the record of stack %s: %w", stack, err)
		}
		return nil
	}
	encoded, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("encode the record of stack %s: %w", stack, err)
	}
	record := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": meta.NamespaceSystem, "labels": map[string]any{recordLabel: "stack"}},
		"data":     map[string]any{recordKey: string(encoded)},
	}}
	if _, err := r.client.Apply(ctx, name, record, meta.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
		return fmt.Errorf("write the record of stack %s: %w", stack, err)
	}
	return nil
}
