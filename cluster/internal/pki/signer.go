package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
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
	// chain follows what an issuer signs, in PEM, so that whoever trusts the
	// authority alone can follow it; an authority of its own has none.
	chain []byte
}

// issued is a certificate that was just signed, with its new key.
type issued struct {
	der   []byte
	key   *ecdsa.PrivateKey
	chain []byte
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
	der, err := finish(template, template, key.Public(), key)
	return &issued{der: der, key: key}, err
}

// sign makes a key and signs its certificate.
func (s *signer) sign(template *x509.Certificate) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := finish(template, s.certificate, key.Public(), s.key)
	return &issued{der: der, key: key, chain: s.chain}, err
}

// pem is the certificate, and what leads from it to the authority.
func (i *issued) pem() []byte { return withChain(i.der, i.chain) }

func withChain(der, chain []byte) []byte {
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), chain...)
}

// finish signs a certificate of a key. It ends with its authority at the latest.
func finish(template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	if parent.NotAfter.Before(template.NotAfter) {
		template.NotAfter = parent.NotAfter
	}
	return x509.CreateCertificate(rand.Reader, template, parent, key, by)
}

// template is what a leaf's certificate says.
func (o Options) template(l leaf) *x509.Certificate {
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
	switch {
	case l.served:
		template.DNSNames, template.IPAddresses = o.Names, o.Addresses
	case l.service != "":
		template.DNSNames = []string{l.service}
	case l.local:
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	return template
}
