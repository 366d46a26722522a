package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"

	"kedge/internal/layout"
)

// Agent is a node's end of the tunnel.
type Agent struct {
	Node string
	Key  crypto.PublicKey
	Life time.Duration
}

// SignAgent makes the certificate with its chain, in PEM, with which an agent opens the tunnel.
// Its common name is all that the tunnel's server goes by.
func SignAgent(l layout.Layout, agent Agent, now time.Time) ([]byte, error) {
	by, err := readSigner(l, authorityAgent)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: agent.Node},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(agent.Life),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	der, err := finish(template, by.certificate, agent.Key, by.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s's agent: %w", agent.Node, err)
	}
	return withChain(der, by.chain), nil
}
