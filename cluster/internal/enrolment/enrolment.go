// Package enrolment is what a machine and its controller agree on when the
// machine joins with a credential: who asks, for what, and what is told of the machine.
package enrolment

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// UserPrefix and Group are how Kubernetes names whoever has a node's credential.
const (
	UserPrefix = "kedge:enrol:"
	Group      = "kedge:enrolling"
)

// Annotations of a request. The certificate of the credential proves nothing by
// itself: the API server tells the digest of the one that was used.
const (
	CredentialAnnotation = "kedge.io/credential"
	MachineIDAnnotation  = "kedge.io/machine-id"
	SerialAnnotation     = "kedge.io/serial-number"
)

// Device is what tells one machine from another, for people; its key is the proof.
type Device struct {
	MachineID string
	// Serial is the maker's number; empty where the machine tells none.
	Serial string
}

func (d Device) String() string {
	if d.Serial == "" {
		return "machine-id " + d.MachineID
	}
	return "machine-id " + d.MachineID + ", serial number " + d.Serial
}

// Credential lets a machine ask for the certificate of one node.
type Credential struct {
	// Certificate and Key are in PEM.
	Certificate, Key []byte
	Node             string
}

// ParseCredential reads the file that is put on a machine: a certificate and
// its key, in PEM. Errors do not repeat it.
func ParseCredential(content []byte) (Credential, error) {
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return Credential{}, fmt.Errorf("it is no certificate with its key, in PEM (was it cut?): %w", err)
	}
	is := pair.Leaf
	node := NodeOf(is.Subject.CommonName, is.Subject.Organization)
	if node == "" {
		return Credential{}, fmt.Errorf("it is the certificate of %q, and no credential to join with", is.Subject)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return Credential{}, errors.New("its key is not an elliptic one")
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return Credential{}, fmt.Errorf("its key cannot be used: %w", err)
	}
	return Credential{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: is.Raw}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
		Node:        node,
	}, nil
}

// NodeOf is the node for which a user with these groups may enrol; empty for anybody else.
func NodeOf(user string, groups []string) string {
	node, found := strings.CutPrefix(user, UserPrefix)
	if !found || !slices.Contains(groups, Group) {
		return ""
	}
	return node
}

// ParseCertificate reads one certificate in PEM, and nothing behind it.
func ParseCertificate(encoded []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(encoded)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// CredentialID is how the API server tells which certificate a user came with.
func CredentialID(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return "X509SHA256=" + hex.EncodeToString(sum[:])
}

// Serial is a certificate's serial number as `builder cluster` writes it.
func Serial(certificate *x509.Certificate) string { return certificate.SerialNumber.Text(16) }

// Fingerprint is the digest of a machine's public key.
func Fingerprint(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encode a machine's key: %w", err)
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + hex.EncodeToString(sum[:]), nil
}
