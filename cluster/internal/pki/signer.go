package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// serialBits is what RFC 5280 leaves for a number that nobody can guess.
const serialBits = 128

// signer is a certificate with its key.
type signer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// issued is a certificate that was just signed, with its new key.
type issued struct {
	der []byte
	key *ecdsa.PrivateKey
}

func newAuthority(name string, now time.Time) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kedge " + name},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	return finish(template, template, key, key)
}

// sign makes a key and signs its certificate.
func (s *signer) sign(template *x509.Certificate) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return finish(template, s.certificate, key, s.key)
}

func finish(template, parent *x509.Certificate, key *ecdsa.PrivateKey, by crypto.Signer) (*issued, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	return &issued{der: der, key: key}, err
}

// template is what a leaf's certificate says. It ends with its authority at the latest.
func (o Options) template(l leaf, by *signer) *x509.Certificate {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: l.common},
		NotBefore:             o.Now.Add(-skew),
		NotAfter:              o.Now.Add(leafLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           l.usages,
		BasicConstraintsValid: true,
	}
	if l.group != "" {
		template.Subject.Organization = []string{l.group}
	}
	if by.certificate.NotAfter.Before(template.NotAfter) {
		template.NotAfter = by.certificate.NotAfter
	}
	switch {
	case l.served:
		template.DNSNames, template.IPAddresses = o.Names, o.Addresses
	case l.local:
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	return template
}
