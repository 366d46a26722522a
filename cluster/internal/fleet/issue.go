package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	certificates "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kedge/internal/binding"
	"kedge/internal/csr"
	"kedge/internal/enrolment"
	"kedge/internal/nodecert"
	"kedge/internal/nodeevent"
)

const (
	// pauseOfNode lies between two certificates of a node.
	pauseOfNode = 5 * time.Second
	// patience is how long one is waited for.
	patience = 8 * time.Second
	look     = 200 * time.Millisecond
)

var (
	errOften  = errors.New("it asked a moment ago")
	errUnsent = errors.New("the node's certificate is not signed yet")
)

// issue has the node's certificate signed as any other: the request is the API
// server's, and the controller manager signs it.
func (g *Gate) issue(ctx context.Context, node string, asked question) ([]byte, error) {
	if !g.isDue(node, time.Now()) {
		return nil, errOften
	}
	requests := g.options.Client.CertificatesV1().CertificateSigningRequests()
	made, err := requests.Create(ctx, &certificates.CertificateSigningRequest{
		ObjectMeta: meta.ObjectMeta{GenerateName: "kedge-fleet-" + node + "-", Annotations: map[string]string{
			enrolment.MachineIDAnnotation: asked.device.MachineID, enrolment.SerialAnnotation: asked.device.Serial,
		}},
		Spec: nodecert.ClientSpec(asked.encoded),
	}, meta.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask for the certificate of the node %s: %w", node, err)
	}
	verdict := csr.Verdict{Type: certificates.CertificateApproved, Reason: approvedReason, Message: "for the device that was approved as this node"}
	// Kubernetes itself may have approved what the administrator asks for.
	if _, err := verdict.Approval(ctx, g.options.Client, made); err != nil && !apierrors.IsConflict(err) {
		return nil, err
	}
	signed, err := g.signed(ctx, made.Name)
	if err != nil {
		return nil, err
	}
	described := binding.Describe(asked.device, asked.key)
	g.options.Log.Info("a node's certificate is signed", "request", made.Name, "node", node, "device", described)
	g.events.Write(ctx, nodeevent.Event{Node: node, Reason: enrolledReason, Message: "enrolled " + described + ", which was approved"})
	return signed, nil
}

func (g *Gate) isDue(node string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.issued[node]) < pauseOfNode {
		return false
	}
	g.issued[node] = now
	return true
}

func (g *Gate) signed(ctx context.Context, name string) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for {
		found, err := g.options.Client.CertificatesV1().CertificateSigningRequests().Get(ctx, name, meta.GetOptions{})
		switch {
		case err != nil && ctx.Err() == nil:
			return nil, fmt.Errorf("look for a node's certificate: %w", err)
		case err == nil && len(found.Status.Certificate) > 0:
			return found.Status.Certificate, nil
		}
		select {
		case <-ctx.Done():
			return nil, errUnsent
		case <-time.After(look):
		}
	}
}
