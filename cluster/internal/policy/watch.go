package policy

import (
	"context"
	"maps"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// withAddress selects pods with addresses of their own. The server tells those
// that end as deleted.
const withAddress = "spec.hostNetwork=false,status.phase!=Succeeded,status.phase!=Failed"

// watched are the informers of what rules depend on.
type watched struct {
	pods, namespaces, policies cache.SharedIndexInformer
}

func (w watched) all() []cache.SharedIndexInformer {
	return []cache.SharedIndexInformer{w.pods, w.namespaces, w.policies}
}

func (w watched) haveSynced() []cache.InformerSynced {
	var synced []cache.InformerSynced
	for _, informer := range w.all() {
		synced = append(synced, informer.HasSynced)
	}
	return synced
}

func (w watched) namespaceLabels() map[string]labels.Set {
	found := make(map[string]labels.Set)
	for _, object := range w.namespaces.GetStore().List() {
		if namespace, ok := object.(*core.Namespace); ok {
			found[namespace.Name] = namespace.Labels
		}
	}
	return found
}

// watch makes the informers; changed is called when rules may have to change.
func watch(client kubernetes.Interface, changed func()) (watched, error) {
	w := watched{
		pods: informer(client, &core.Pod{}, source[*core.PodList]{
			list: client.CoreV1().Pods(meta.NamespaceAll).List, watch: client.CoreV1().Pods(meta.NamespaceAll).Watch, selector: withAddress,
		}),
		namespaces: informer(client, &core.Namespace{}, source[*core.NamespaceList]{
			list: client.CoreV1().Namespaces().List, watch: client.CoreV1().Namespaces().Watch,
		}),
		policies: informer(client, &networking.NetworkPolicy{}, source[*networking.NetworkPolicyList]{
			list:  client.NetworkingV1().NetworkPolicies(meta.NamespaceAll).List,
			watch: client.NetworkingV1().NetworkPolicies(meta.NamespaceAll).Watch,
		}),
	}
	for _, informer := range w.all() {
		if err := informer.SetTransform(strip); err != nil {
			return watched{}, err
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { changed() },
			DeleteFunc: func(any) { changed() },
			UpdateFunc: func(before, after any) {
				if !isLike(before, after) {
					changed()
				}
			},
		})
		if err != nil {
			return watched{}, err
		}
	}
	return w, nil
}

// source is where objects of one kind come from; L is the type of their list.
type source[L runtime.Object] struct {
	list     func(context.Context, meta.ListOptions) (L, error)
	watch    func(context.Context, meta.ListOptions) (apiwatch.Interface, error)
	selector string
}

func informer[L runtime.Object](client kubernetes.Interface, kind runtime.Object, from source[L]) cache.SharedIndexInformer {
	listWatch := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			options.FieldSelector = from.selector
			return from.list(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (apiwatch.Interface, error) {
			options.FieldSelector = from.selector
			return from.watch(ctx, options)
		},
	}
	return cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(listWatch, client), kind, 0, nil)
}

// strip keeps of an object what rules depend on. It is called again for what it
// has returned.
func strip(object any) (any, error) {
	switch object := object.(type) {
	case *core.Pod:
		return NewPod(object), nil
	case *core.Namespace:
		kept := meta.ObjectMeta{Name: object.Name, Labels: object.Labels, ResourceVersion: object.ResourceVersion}
		return &core.Namespace{ObjectMeta: kept}, nil
	case *networking.NetworkPolicy:
		kept := meta.ObjectMeta{
			Name: object.Name, Namespace: object.Namespace, ResourceVersion: object.ResourceVersion,
			UID: object.UID, Generation: object.Generation,
		}
		return &networking.NetworkPolicy{ObjectMeta: kept, Spec: object.Spec}, nil
	}
	return object, nil
}

// isLike reports whether an update changes nothing that rules depend on: a
// kubelet reports on its pods all the time.
func isLike(before, after any) bool {
	switch before := before.(type) {
	case *Pod:
		after, ok := after.(*Pod)
		return ok && before.isLike(after)
	case *core.Namespace:
		after, ok := after.(*core.Namespace)
		return ok && maps.Equal(before.Labels, after.Labels)
	case *networking.NetworkPolicy:
		after, ok := after.(*networking.NetworkPolicy)
		return ok && before.UID == after.UID && before.Generation == after.Generation
	}
	return false
}
