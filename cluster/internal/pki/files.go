package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"kedge/internal/layout"
	"kedge/internal/wholefile"
)

const (
	modeCertificate = 0o644
	modeKey         = 0o600
)

// Error is a file that cannot be used, and the way out.
type Error struct {
	File    string
	Problem string
	Hint    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s\n  %s", e.File, e.Problem, e.Hint)
}

const hintPair = "put the right file there, or restore both from a backup; without either, remove both and they are made anew"

// readPair reads a certificate and the key that must be its.
func readPair(pair layout.Pair) (*signer, error) {
	certificate, err := readCertificate(pair.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := readKey(pair.Key)
	if err != nil {
		return nil, err
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(certificate.PublicKey) {
		return nil, &Error{File: pair.Key, Problem: "the key is not that of " + pair.Certificate, Hint: hintPair}
	}
	return &signer{certificate: certificate, key: key}, nil
}

func readCertificate(file string) (*x509.Certificate, error) {
	block, err := readBlock(file)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &Error{File: file, Problem: err.Error(), Hint: hintPair}
	}
	return certificate, nil
}

func readKey(file string) (crypto.Signer, error) {
	block, err := readBlock(file)
	if err != nil {
		return nil, err
	}
	var key any
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, &Error{File: file, Problem: err.Error(), Hint: hintPair}
	}
	signing, ok := key.(crypto.Signer)
	if !ok {
		return nil, &Error{File: file, Problem: fmt.Sprintf("a key of type %T cannot sign", key), Hint: hintPair}
	}
	return signing, nil
}

func readBlock(file string) (*pem.Block, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &Error{File: file, Problem: "it is missing, but its other half is there", Hint: hintPair}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, &Error{File: file, Problem: "it is not in PEM format", Hint: hintPair}
	}
	return block, nil
}

// write writes both files, the key first: a certificate without its key would
// be taken for somebody's.
func (o Options) write(pair layout.Pair, made *issued, owner string) error {
	key, err := keyPEM(made.key)
	if err != nil {
		return err
	}
	if err := o.writeFile(pair.Key, key, modeKey, owner); err != nil {
		return err
	}
	return o.writeFile(pair.Certificate, made.pem(), modeCertificate, root)
}

// keyPEM is in the form of SEC 1: of elliptic keys in PKCS 8 the API server
// cannot make the public half.
func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (o Options) own(pair layout.Pair, owner string) error { return o.Own(pair.Key, owner) }

// writeFile replaces a file in one moment, so that a component that reads it
// again, or a power cut, never meets half of it.
func (o Options) writeFile(file string, content []byte, mode os.FileMode, owner string) error {
	return wholefile.WriteOwned(file, content, mode, func(path string) error { return o.Own(path, owner) })
}

// ensureServiceAccountKey makes the key once: with another one every token that
// the cluster has given away would be worth nothing.
func (o Options) ensureServiceAccountKey() error {
	file := o.Layout.ServiceAccountKey()
	if isAbsent(file) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("make the key of service accounts: %w", err)
		}
		content, err := keyPEM(key)
		if err != nil {
			return err
		}
		return o.writeFile(file, content, modeKey, userAPIServer)
	}
	if _, err := readKey(file); err != nil {
		return err
	}
	return o.Own(file, userAPIServer)
}
