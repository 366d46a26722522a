// Package agentsigner signs the certificates with which nodes open the tunnel.
package agentsigner

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"time"

	certificates "k8s.io/api/certificates/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/csr"
	"kedge/internal/nodecert"
)

const (
	// Subresource is what a requestor must be allowed to create.
	Subresource = "selfnodeagent"
	// Life is how long a certificate is good for at most: as long can a stolen
	// one be used after its node was deleted.
	Life = 30 * 24 * time.Hour
)

const (
	approvedReason = "AgentApproved"
	refusedReason  = "AgentRefused"
)

// Sign signs the certificate, in PEM, of a node's key.
type Sign func(node string, key crypto.PublicKey, life time.Duration) ([]byte, error)

// Signer approves and signs what a node may have, and refuses everything else.
type Signer struct {
	client kubernetes.Interface
	sign   Sign
	log    *slog.Logger
}

// New makes a signer that has not started.
func New(client kubernetes.Interface, sign Sign, log *slog.Logger) *Signer {
	return &Signer{client: client, sign: sign, log: log}
}

// Run works until ctx ends.
func (s *Signer) Run(ctx context.Context) error {
	return csr.Watcher{Client: s.client, Log: s.log, Signer: nodecert.TunnelSigner, Decide: s.decide}.Run(ctx)
}

// decide signs, refuses, or says why that must wait. What a person approved is
// judged as well: approval is permission, and this signer knows what it signs.
func (s *Signer) decide(ctx context.Context, request *certificates.CertificateSigningRequest) error {
	if csr.Has(request, certificates.CertificateDenied) || csr.Has(request, certificates.CertificateFailed) || len(request.Status.Certificate) > 0 {
		return nil
	}
	asked, refusal := judge(request)
	if refusal != nil {
		return s.refuse(ctx, request, refusal)
	}
	if !csr.Has(request, certificates.CertificateApproved) {
		if err := csr.Authorize(ctx, s.client, request, Subresource); err != nil {
			return err
		}
		var err error
		verdict := csr.Verdict{Type: certificates.CertificateApproved, Reason: approvedReason, Message: "for the node's own name"}
		if request, err = verdict.Approval(ctx, s.client, request); err != nil {
			return err
		}
	}
	signed, err := s.sign(asked.node, asked.key, asked.life)
	if err != nil {
		return err
	}
	request = request.DeepCopy()
	request.Status.Certificate = signed
	if _, err := s.client.CertificatesV1().CertificateSigningRequests().UpdateStatus(ctx, request, meta.UpdateOptions{}); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	s.log.Info("an agent's certificate is signed", "request", request.Name, "node", asked.node)
	return nil
}

func (s *Signer) refuse(ctx context.Context, request *certificates.CertificateSigningRequest, refusal error) error {
	s.log.Warn("an agent's certificate is refused", "request", request.Name, "user", request.Spec.Username, "reason", refusal)
	verdict := csr.Verdict{Type: certificates.CertificateDenied, Reason: refusedReason, Message: refusal.Error()}
	if csr.Has(request, certificates.CertificateApproved) {
		verdict.Type = certificates.CertificateFailed // what is approved cannot be denied any more
		return verdict.Failure(ctx, s.client, request)
	}
	_, err := verdict.Approval(ctx, s.client, request)
	return err
}
