package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"

	"kedge/internal/layout"
)

// Client is somebody who shall be let into the cluster.
type Client struct {
	Name   string
	Groups []string
	Life   time.Duration
}

// SignClient makes a key and a certificate with its chain, both in PEM. The files of the
// authority must be there.
func SignClient(l layout.Layout, client Client, now time.Time) (certificate, key []byte, err error) {
	by, err := readSigner(l, authorityUsers)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: client.Name, Organization: client.Groups},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(client.Life),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	made, err := by.sign(template)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate of %s: %w", client.Name, err)
	}
	key, err = keyPEM(made.key)
	return made.pem(), key, err
}
