// Package csrapprover approves the certificates with which kubelets serve.
// Those with which they are clients are approved by the controller manager.
package csrapprover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	authorization "k8s.io/api/authorization/v1"
	certificates "k8s.io/api/certificates/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Subresource is what a requestor must be allowed to create, beside the
// client's "selfnodeclient" that Kubernetes itself asks for.
const Subresource = "selfnodeserver"

const (
	approvedReason = "KubeletServingApproved"
	deniedReason   = "KubeletServingRefused"

	firstRetry = 500 * time.Millisecond
	lastRetry  = time.Minute
)

// Approver approves what a kubelet may have, and denies everything else that is
// asked of the signer of kubelets' serving certificates.
type Approver struct {
	client kubernetes.Interface
	log    *slog.Logger
	queue  workqueue.TypedRateLimitingInterface[string]
}

// New makes an approver that has not started.
func New(client kubernetes.Interface, log *slog.Logger) *Approver {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry)
	return &Approver{client: client, log: log, queue: workqueue.NewTypedRateLimitingQueue(limiter)}
}

// Run works until ctx ends. It may be called once.
func (a *Approver) Run(ctx context.Context) error {
	defer a.queue.ShutDown()
	informer, err := a.informer()
	if err != nil {
		return fmt.Errorf("watch certificate signing requests: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		informer.RunWithContext(ctx)
		a.queue.ShutDown()
	}()
	for a.next(ctx, informer.GetStore()) {
	}
	<-done
	return nil
}

// informer notes the names of requests to this signer, new and changed.
func (a *Approver) informer() (cache.SharedIndexInformer, error) {
	only := fields.OneTermEqualSelector("spec.signerName", certificates.KubeletServingSignerName).String()
	listWatch := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			options.FieldSelector = only
			return a.client.CertificatesV1().CertificateSigningRequests().List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (watch.Interface, error) {
			options.FieldSelector = only
			return a.client.CertificatesV1().CertificateSigningRequests().Watch(ctx, options)
		},
	}
	source := cache.ToListWatcherWithWatchListSemantics(listWatch, a.client)
	informer := cache.NewSharedIndexInformer(source, &certificates.CertificateSigningRequest{}, 0, nil)
	note := func(object any) {
		if csr, ok := object.(*certificates.CertificateSigningRequest); ok {
			a.queue.Add(csr.Name)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    note,
		UpdateFunc: func(_, changed any) { note(changed) },
	})
	return informer, err
}

// next decides about one request; it is false when there will be no more.
func (a *Approver) next(ctx context.Context, store cache.Store) bool {
	name, shutdown := a.queue.Get()
	if shutdown {
		return false
	}
	defer a.queue.Done(name)
	object, found, err := store.GetByKey(name)
	if csr, ok := object.(*certificates.CertificateSigningRequest); ok && found {
		err = errors.Join(err, a.decide(ctx, csr))
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		a.queue.Forget(name)
	case ctx.Err() == nil:
		a.log.Warn("a kubelet's certificate waits for a decision", "request", name, "error", err)
		a.queue.AddRateLimited(name)
	}
	return true
}

// decide approves, denies, or says why that must wait.
func (a *Approver) decide(ctx context.Context, csr *certificates.CertificateSigningRequest) error {
	// The server selects by signer too; a fake or an old one may not.
	if csr.Spec.SignerName != certificates.KubeletServingSignerName || isDecided(csr) {
		return nil
	}
	node, refusal := judge(csr)
	if refusal != nil {
		a.log.Warn("a kubelet's certificate is denied", "request", csr.Name, "user", csr.Spec.Username, "reason", refusal)
		return a.conclude(ctx, csr, certificates.CertificateDenied, refusal.Error())
	}
	if err := a.authorize(ctx, csr); err != nil {
		return err
	}
	a.log.Info("a kubelet's certificate is approved", "request", csr.Name, "node", node)
	return a.conclude(ctx, csr, certificates.CertificateApproved, "for the node's own name")
}

func isDecided(csr *certificates.CertificateSigningRequest) bool {
	for _, condition := range csr.Status.Conditions {
		if condition.Type == certificates.CertificateApproved || condition.Type == certificates.CertificateDenied {
			return true
		}
	}
	return len(csr.Status.Certificate) > 0
}

// authorize asks whether the requestor may have such certificates at all. A no
// leaves the request open: the rule may be on its way.
func (a *Approver) authorize(ctx context.Context, csr *certificates.CertificateSigningRequest) error {
	extra := make(map[string]authorization.ExtraValue, len(csr.Spec.Extra))
	for key, value := range csr.Spec.Extra {
		extra[key] = authorization.ExtraValue(value)
	}
	answer, err := a.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorization.SubjectAccessReview{
		Spec: authorization.SubjectAccessReviewSpec{
			User: csr.Spec.Username, UID: csr.Spec.UID, Groups: csr.Spec.Groups, Extra: extra,
			ResourceAttributes: &authorization.ResourceAttributes{
				Group: certificates.GroupName, Resource: "certificatesigningrequests", Verb: "create", Version: "*", Subresource: Subresource,
			},
		},
	}, meta.CreateOptions{})
	if err != nil {
		return fmt.Errorf("ask whether %s may have a serving certificate: %w", csr.Spec.Username, err)
	}
	if !answer.Status.Allowed {
		return fmt.Errorf("%s may not create certificatesigningrequests/%s; %s", csr.Spec.Username, Subresource,
			"a ClusterRoleBinding that allows it, or 'kubectl certificate deny', ends the waiting")
	}
	return nil
}

func (a *Approver) conclude(ctx context.Context, csr *certificates.CertificateSigningRequest, verdict certificates.RequestConditionType, why string) error {
	reason := approvedReason
	if verdict == certificates.CertificateDenied {
		reason = deniedReason
	}
	decided := csr.DeepCopy()
	decided.Status.Conditions = append(decided.Status.Conditions, certificates.CertificateSigningRequestCondition{
		Type: verdict, Status: core.ConditionTrue, Reason: reason, Message: strings.ReplaceAll(why, "\n", "; "),
	})
	if _, err := a.client.CertificatesV1().CertificateSigningRequests().UpdateApproval(ctx, csr.Name, decided, meta.UpdateOptions{}); err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	return nil
}
