// Package enroller lets machines in that come with a credential: it approves the
// certificate of exactly their node, and binds the node to the machine.
package enroller

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	certificates "k8s.io/api/certificates/v1"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/binding"
	"kedge/internal/csr"
	"kedge/internal/enrolment"
	"kedge/internal/nodeevent"
	"kedge/internal/revocation"
)

// Subresource is what a requestor must be allowed to create.
const Subresource = "enrolnode"

const (
	approvedReason = "NodeEnrolled"
	deniedReason   = "EnrolmentRefused"
	source         = "kedge-enroller"
)

// Enroller approves what a credential is for, and denies everything else that
// is asked with one.
type Enroller struct {
	client  kubernetes.Interface
	revoked func() (revocation.List, error)
	log     *slog.Logger
	events  nodeevent.Writer
	// Bound is told of every node that was bound to a machine; nil: nobody is.
	Bound func(node string)
}

// New makes an enroller that has not started. revoked is what must not be taken now.
func New(client kubernetes.Interface, revoked func() (revocation.List, error), log *slog.Logger) *Enroller {
	return &Enroller{client: client, revoked: revoked, log: log, events: nodeevent.Writer{Client: client, Source: source, Log: log}}
}

// Run works until ctx ends.
func (e *Enroller) Run(ctx context.Context) error {
	return csr.Watcher{Client: e.client, Log: e.log, Signer: certificates.KubeAPIServerClientKubeletSignerName, Decide: e.decide}.Run(ctx)
}

// decide approves, denies, or says why that must wait. What nodes ask for
// themselves and with tokens is the controller manager's.
func (e *Enroller) decide(ctx context.Context, request *certificates.CertificateSigningRequest) error {
	node := enrolment.NodeOf(request.Spec.Username, request.Spec.Groups)
	if node == "" || csr.Has(request, certificates.CertificateApproved) || csr.Has(request, certificates.CertificateDenied) || len(request.Status.Certificate) > 0 {
		return nil
	}
	wanted, refusal := judge(node, request)
	if refusal != nil {
		return e.refuse(ctx, request, node, refusal)
	}
	revoked, err := e.revoked()
	if err != nil {
		return err
	}
	if credential, is := revoked.Find(wanted.Credential); is {
		return e.refuse(ctx, request, node, fmt.Errorf("its credential %s was revoked on %s; it asks from %s", credential.Serial, credential.Revoked.Format(time.RFC3339), wanted.Describe()))
	}
	if err := csr.Authorize(ctx, e.client, request, Subresource); err != nil {
		return err
	}
	isNew, err := binding.Store{Core: e.client.CoreV1()}.Bind(ctx, wanted)
	if binding.IsRefused(err) {
		return e.refuse(ctx, request, node, err)
	}
	if err != nil {
		return err
	}
	if isNew && e.Bound != nil {
		e.Bound(node)
	}
	if _, err := (csr.Verdict{Type: certificates.CertificateApproved, Reason: approvedReason, Message: "for the node of its credential"}).Approval(ctx, e.client, request); err != nil {
		return err
	}
	e.log.Info("a node's certificate is approved", "request", request.Name, "node", node, "device", wanted.Describe(), "credential", wanted.Credential)
	e.events.Write(ctx, nodeevent.Event{
		Node: node, Reason: approvedReason, Message: fmt.Sprintf("enrolled %s with the credential %s", wanted.Describe(), wanted.Credential),
	})
	return nil
}

func (e *Enroller) refuse(ctx context.Context, request *certificates.CertificateSigningRequest, node string, refusal error) error {
	e.log.Warn("an enrolment is refused", "request", request.Name, "node", node, "reason", refusal)
	if _, err := (csr.Verdict{Type: certificates.CertificateDenied, Reason: deniedReason, Message: refusal.Error()}).Approval(ctx, e.client, request); err != nil {
		return err
	}
	e.events.Write(ctx, nodeevent.Event{Node: node, IsWarning: true, Reason: deniedReason, Message: refusal.Error()})
	return nil
}
