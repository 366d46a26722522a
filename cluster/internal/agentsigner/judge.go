package agentsigner

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"time"

	certificates "k8s.io/api/certificates/v1"

	"kedge/internal/csr"
	"kedge/internal/tunnel"
)

// asked is what a node may have.
type asked struct {
	node string
	key  crypto.PublicKey
	life time.Duration
}

// judge says what a node asks for, or why that must not be signed.
func judge(request *certificates.CertificateSigningRequest) (asked, error) {
	parsed, err := csr.Parse(request.Spec.Request)
	if err != nil {
		return asked{}, err
	}
	node := csr.Node(request.Spec)
	usages := csr.CheckUsages(request.Spec.Usages, []certificates.KeyUsage{certificates.UsageClientAuth}, certificates.UsageDigitalSignature)
	return asked{node: node, key: parsed.PublicKey, life: life(request.Spec.ExpirationSeconds)},
		errors.Join(checkSubject(node, request.Spec.Username, parsed), csr.CheckNames(parsed), usages)
}

// checkSubject wants the name of the node that asks, and nothing else. The
// tunnel's server takes addresses for what any agent reaches, so a node of such
// a name could not be told from one.
func checkSubject(node, user string, request *x509.CertificateRequest) error {
	if node == "" {
		return fmt.Errorf("%q is no node", user)
	}
	if _, err := netip.ParseAddr(node); err == nil {
		return fmt.Errorf("the node's name %q is an address: give it another", node)
	}
	if tunnel.IsControllers(node) {
		return fmt.Errorf("the node's name %q is kept for what runs on controllers: give it another", node)
	}
	if request.Subject.CommonName != node || len(request.Subject.Names) != 1 {
		return fmt.Errorf("it is for %q, and %q may have %q alone", request.Subject, user, "CN="+node)
	}
	return nil
}

func life(seconds *int32) time.Duration {
	if seconds == nil {
		return Life
	}
	return min(Life, time.Duration(*seconds)*time.Second)
}
