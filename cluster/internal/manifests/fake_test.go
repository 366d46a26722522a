package manifests

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// kinds are what the fake knows; true: within namespaces.
var kinds = map[schema.GroupVersionKind]bool{
	{Version: "v1", Kind: "ConfigMap"}:                                               true,
	{Version: "v1", Kind: "Namespace"}:                                               false,
	{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}: false,
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}:         false,
}

var widget = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}

// fakeCluster is client-go's fake. Its store takes no server-side apply of
// untyped objects, so that is done here: what was there is merged with what comes.
type fakeCluster struct {
	Cluster
	client *fake.FakeDynamicClient
	mapper *fakeMapper
	events []string
	broken map[string]bool // names that cannot be applied
}

// fakeMapper learns kinds when it is reset, as the real one does.
type fakeMapper struct {
	*meta.DefaultRESTMapper
	atReset func()
}

func (m *fakeMapper) Reset() { m.atReset() }

func newFake(t *testing.T, objects ...runtime.Object) *fakeCluster {
	t.Helper()
	versions := []schema.GroupVersion{widget.GroupVersion()}
	for kind := range kinds {
		versions = append(versions, kind.GroupVersion())
	}
	lists := make(map[schema.GroupVersionResource]string)
	mapper := &fakeMapper{DefaultRESTMapper: meta.NewDefaultRESTMapper(versions), atReset: func() {}}
	for kind, namespaced := range kinds {
		mapper.learn(kind, namespaced)
		plural, _ := meta.UnsafeGuessKindToResource(kind)
		lists[plural] = kind.Kind + "List"
	}
	plural, _ := meta.UnsafeGuessKindToResource(widget)
	lists[plural] = "WidgetList"
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...)
	f := &fakeCluster{
		Cluster: Cluster{Client: client, Mapper: mapper, Log: slog.New(slog.DiscardHandler)},
		client:  client, mapper: mapper, broken: make(map[string]bool),
	}
	client.PrependReactor("patch", "*", f.patch)
	client.PrependReactor("delete", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if name := action.(clienttesting.DeleteAction).GetName(); !isRecord(name) {
			f.events = append(f.events, "-"+name)
		}
		return false, nil, nil
	})
	return f
}

func (m *fakeMapper) learn(kind schema.GroupVersionKind, namespaced bool) {
	scope := meta.RESTScopeRoot
	if namespaced {
		scope = meta.RESTScopeNamespace
	}
	m.Add(kind, scope)
}

func isRecord(name string) bool {
	return len(name) > len(recordPrefix) && name[:len(recordPrefix)] == recordPrefix
}

func (f *fakeCluster) patch(action clienttesting.Action) (bool, runtime.Object, error) {
	patch := action.(clienttesting.PatchAction)
	if patch.GetPatchType() != types.ApplyPatchType {
		return false, nil, nil
	}
	if f.broken[patch.GetName()] {
		return true, nil, apierrors.NewInternalError(fmt.Errorf("%s is broken", patch.GetName()))
	}
	if !isRecord(patch.GetName()) {
		f.events = append(f.events, "+"+patch.GetName())
	}
	applied := &unstructured.Unstructured{}
	if err := applied.UnmarshalJSON(patch.GetPatch()); err != nil {
		return true, nil, err
	}
	tracker := f.client.Tracker()
	found, err := tracker.Get(patch.GetResource(), patch.GetNamespace(), patch.GetName())
	if apierrors.IsNotFound(err) {
		return true, applied, tracker.Create(patch.GetResource(), applied, patch.GetNamespace())
	}
	if err != nil {
		return true, nil, err
	}
	live := found.(*unstructured.Unstructured).DeepCopy()
	for key, value := range applied.Object {
		if key != "metadata" {
			live.Object[key] = value
		}
	}
	labels := live.GetLabels()
	if labels == nil {
		labels = make(map[string]string)
	}
	for key, value := range applied.GetLabels() {
		labels[key] = value
	}
	live.SetLabels(labels)
	return true, live, tracker.Update(patch.GetResource(), live, patch.GetNamespace())
}

// names are the objects of a kind that are there, records aside.
func (f *fakeCluster) names(t *testing.T, kind schema.GroupVersionKind) []string {
	t.Helper()
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	list, err := f.client.Resource(plural).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, item := range list.Items {
		if !isRecord(item.GetName()) {
			names = append(names, item.GetName())
		}
	}
	slices.Sort(names)
	return names
}

func object(kind schema.GroupVersionKind, namespace, name string, labels map[string]string) *unstructured.Unstructured {
	made := &unstructured.Unstructured{}
	made.SetGroupVersionKind(kind)
	made.SetNamespace(namespace)
	made.SetName(name)
	made.SetLabels(labels)
	return made
}
