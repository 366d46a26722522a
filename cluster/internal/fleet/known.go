package fleet

import (
	"context"
	"sync"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"kedge/internal/binding"
)

// known is what the cluster keeps of devices, followed: questions of strangers
// reach no database.
type known struct {
	// Told of what is new after the start.
	onBound   func(binding.Binding)
	onRefused func(fingerprint string)

	mu      sync.Mutex
	nodes   map[string]binding.Binding
	refused map[string]string
}

// device is the node that a key is bound to, and when the key was refused.
func (k *known) device(key string) (is binding.Binding, isBound bool, refused string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.nodes {
		if one.Key == key {
			return one, true, ""
		}
	}
	return binding.Binding{}, false, k.refused[key]
}

// put keeps what was written before it is told by the API server.
func (k *known) put(one binding.Binding) (isNew bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.nodes == nil {
		k.nodes = make(map[string]binding.Binding)
	}
	before, was := k.nodes[one.Node]
	k.nodes[one.Node] = one
	return !was || before.Key != one.Key
}

// follow works until ctx ends; synced is called when all is known.
func (k *known) follow(ctx context.Context, client kubernetes.Interface, synced func()) error {
	maps := client.CoreV1().ConfigMaps(binding.Namespace)
	listWatch := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			options.LabelSelector = binding.Label
			return maps.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (watch.Interface, error) {
			options.LabelSelector = binding.Label
			return maps.Watch(ctx, options)
		},
	}
	informer := cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(listWatch, client), &core.ConfigMap{}, 0, nil)
	handler, err := informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(object any, isInitial bool) { k.note(object, isInitial) },
		UpdateFunc: func(_, object any) { k.note(object, false) },
		DeleteFunc: k.drop,
	})
	if err != nil {
		return err
	}
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
			synced()
		}
	}()
	informer.RunWithContext(ctx)
	return nil
}

func (k *known) note(object any, isInitial bool) {
	kept, is := object.(*core.ConfigMap)
	switch {
	case !is:
	case binding.IsRefusals(kept):
		k.noteRefusals(binding.Refusals(kept), isInitial)
	default:
		// One that is damaged is told by whoever binds its node.
		if one, err := binding.Parse(kept); err == nil && k.put(one) && !isInitial {
			k.onBound(one)
		}
	}
}

func (k *known) noteRefusals(now map[string]string, isInitial bool) {
	k.mu.Lock()
	before := k.refused
	k.refused = now
	k.mu.Unlock()
	for key := range now {
		if _, was := before[key]; !was && !isInitial {
			k.onRefused(key)
		}
	}
}

func (k *known) drop(object any) {
	if gone, is := object.(cache.DeletedFinalStateUnknown); is {
		object = gone.Obj
	}
	kept, is := object.(*core.ConfigMap)
	if !is {
		return
	}
	if binding.IsRefusals(kept) {
		k.noteRefusals(nil, true)
		return
	}
	if one, err := binding.Parse(kept); err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.nodes, one.Node)
	}
}
