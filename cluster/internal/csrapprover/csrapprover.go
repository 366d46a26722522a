// Package csrapprover approves the certificates with which kubelets serve.
// Those with which they are clients are approved by the controller manager.
package csrapprover

import (
	"context"
	"log/slog"

	certificates "k8s.io/api/certificates/v1"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/csr"
)

// Subresource is what a requestor must be allowed to create, beside the
// client's "selfnodeclient" that Kubernetes itself asks for.
const Subresource = "selfnodeserver"

const (
	approvedReason = "KubeletServingApproved"
	deniedReason   = "KubeletServingRefused"
)

// Approver approves what a kubelet may have, and denies everything else that is
// asked of the signer of kubelets' serving certificates.
type Approver struct {
	client kubernetes.Interface
	log    *slog.Logger
}

// New makes an approver that has not started.
func New(client kubernetes.Interface, log *slog.Logger) *Approver {
	return &Approver{client: client, log: log}
}

// Run works until ctx ends.
func (a *Approver) Run(ctx context.Context) error {
	return csr.Watcher{Client: a.client, Log: a.log, Signer: certificates.KubeletServingSignerName, Decide: a.decide}.Run(ctx)
}

// decide approves, denies, or says why that must wait.
func (a *Approver) decide(ctx context.Context, request *certificates.CertificateSigningRequest) error {
	if csr.Has(request, certificates.CertificateApproved) || csr.Has(request, certificates.CertificateDenied) || len(request.Status.Certificate) > 0 {
		return nil
	}
	node, refusal := judge(request)
	if refusal != nil {
		a.log.Warn("a kubelet's certificate is denied", "request", request.Name, "user", request.Spec.Username, "reason", refusal)
		_, err := csr.Verdict{Type: certificates.CertificateDenied, Reason: deniedReason, Message: refusal.Error()}.Approval(ctx, a.client, request)
		return err
	}
	if err := csr.Authorize(ctx, a.client, request, Subresource); err != nil {
		return err
	}
	a.log.Info("a kubelet's certificate is approved", "request", request.Name, "node", node)
	_, err := csr.Verdict{Type: certificates.CertificateApproved, Reason: approvedReason, Message: "for the node's own name"}.Approval(ctx, a.client, request)
	return err
}
