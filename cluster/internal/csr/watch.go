// Package csr is what kedge's signers and approvers of certificates have in
// common: how they learn of requests, read them and write what they decided.
package csr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	certificates "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// Watcher shows every request to one signer, new or changed, to whoever decides.
type Watcher struct {
	Client kubernetes.Interface
	Log    *slog.Logger
	// Signer is the name that requests have in spec.signerName.
	Signer string
	// Decide is called again, later, after an error.
	Decide func(context.Context, *certificates.CertificateSigningRequest) error
}

// Run works until ctx ends.
func (w Watcher) Run(ctx context.Context) error {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry))
	defer queue.ShutDown()
	informer, err := w.informer(queue)
	if err != nil {
		return fmt.Errorf("watch certificate signing requests: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		informer.RunWithContext(ctx)
		queue.ShutDown()
	}()
	for w.next(ctx, queue, informer.GetStore()) {
	}
	<-done
	return nil
}

type names = workqueue.TypedRateLimitingInterface[string]

// informer notes the names of requests to this signer, new and changed.
func (w Watcher) informer(queue names) (cache.SharedIndexInformer, error) {
	only := fields.OneTermEqualSelector("spec.signerName", w.Signer).String()
	listWatch := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			options.FieldSelector = only
			return w.Client.CertificatesV1().CertificateSigningRequests().List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (watch.Interface, error) {
			options.FieldSelector = only
			return w.Client.CertificatesV1().CertificateSigningRequests().Watch(ctx, options)
		},
	}
	source := cache.ToListWatcherWithWatchListSemantics(listWatch, w.Client)
	informer := cache.NewSharedIndexInformer(source, &certificates.CertificateSigningRequest{}, 0, nil)
	note := func(object any) {
		// The server selects by signer too; a fake or an old one may not.
		if request, ok := object.(*certificates.CertificateSigningRequest); ok && request.Spec.SignerName == w.Signer {
			queue.Add(request.Name)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    note,
		UpdateFunc: func(_, changed any) { note(changed) },
	})
	return informer, err
}

// next decides about one request; it is false when there will be no more.
func (w Watcher) next(ctx context.Context, queue names, store cache.Store) bool {
	name, shutdown := queue.Get()
	if shutdown {
		return false
	}
	defer queue.Done(name)
	object, found, err := store.GetByKey(name)
	if request, ok := object.(*certificates.CertificateSigningRequest); ok && found {
		err = errors.Join(err, w.Decide(ctx, request))
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		queue.Forget(name)
	case ctx.Err() == nil:
		w.Log.Warn("a request for a certificate waits for a decision", "request", name, "error", err)
		queue.AddRateLimited(name)
	}
	return true
}
