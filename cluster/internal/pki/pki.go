// Package pki keeps a controller's certificates: an authority for every
// purpose, certificates that are signed anew before they expire, and the
// kubeconfigs that carry them.
package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kedge/internal/layout"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	// skew is how far another machine's clock may be behind.
	skew = time.Hour
	// renewAt is the part of a leaf's life that is left when it is signed anew.
	renewAt = 3
)

// Options are what certificates depend on.
type Options struct {
	Layout layout.Layout
	// Names and Addresses are how clients and nodes reach this controller.
	Names     []string
	Addresses []net.IP
	// Server is the address that kubeconfigs of this machine name.
	Server string
	Now    time.Time
	Log    *slog.Logger
	// Own gives a file to the user of a component; "" is who runs kedge.
	Own func(file, user string) error
}

// Ensure makes what is missing and signs anew what will not be good for long.
// It may be called again at any time: components read their files again.
//
// The files of an authority that somebody put there before the first start are
// used as they are; what is wrong with them is an error. Where its own key stays
// away, its issuer signs.
func Ensure(options Options) error {
	for _, dir := range []string{options.Layout.PKI(), filepath.Join(options.Layout.PKI(), "etcd")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make the directory of certificates: %w", err)
		}
	}
	signers := make(map[string]*signer)
	var problems []error
	for _, a := range authorities() {
		signer, err := options.ensureAuthority(a)
		problems = append(problems, err)
		signers[a.name] = signer
	}
	// All of them at once, then whoever mends them does it once.
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if err := options.writeAccepted(); err != nil {
		return err
	}
	for _, l := range leaves() {
		if err := options.ensureLeaf(l, signers[l.authority]); err != nil {
			return err
		}
	}
	if err := options.ensureServiceAccountKey(); err != nil {
		return err
	}
	return options.writeKubeconfigs()
}

func (o Options) ensureAuthority(a authority) (*signer, error) {
	if isIssued(o.Layout, a.name) {
		return o.ensureIssuer(a)
	}
	pair := o.Layout.Pair(a.name)
	if isAbsent(pair.Certificate) && isAbsent(pair.Key) {
		o.Log.Info("making a certificate authority", "file", pair.Certificate)
		made, err := newAuthority(a.name, o.Now)
		if err != nil {
			return nil, fmt.Errorf("make authority %s: %w", a.name, err)
		}
		if err := o.write(pair, made, a.owner); err != nil {
			return nil, err
		}
	}
	found, err := readPair(pair)
	if err != nil {
		return nil, err
	}
	if err := o.judgeAuthority(found.certificate); err != nil {
		return nil, &Error{File: pair.Certificate, Problem: err.Error(), Hint: "put another authority there; nodes and clients that trust the old one must learn of it"}
	}
	return found, o.own(pair, a.owner)
}

func (o Options) judgeAuthority(certificate *x509.Certificate) error {
	switch {
	case !certificate.IsCA || !certificate.BasicConstraintsValid:
		return errors.New("the certificate is not an authority's")
	case certificate.KeyUsage != 0 && certificate.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("the authority may not sign certificates")
	case o.Now.After(certificate.NotAfter):
		return fmt.Errorf("the authority expired on %s (this machine's clock says %s)", certificate.NotAfter.Format(time.RFC3339), o.Now.Format(time.RFC3339))
	case o.Now.Before(certificate.NotBefore):
		return fmt.Errorf("the authority is not valid before %s (this machine's clock says %s: is it right?)", certificate.NotBefore.Format(time.RFC3339), o.Now.Format(time.RFC3339))
	}
	return nil
}

func (o Options) ensureLeaf(l leaf, by *signer) error {
	pair := o.Layout.Pair(l.name)
	template := o.template(l)
	if reason := o.reasonToSign(pair, template, by); reason != "" {
		o.Log.Info("signing a certificate", "file", pair.Certificate, "reason", reason)
		made, err := by.sign(template)
		if err != nil {
			return fmt.Errorf("sign %s: %w", l.name, err)
		}
		if err := o.write(pair, made, l.owner); err != nil {
			return err
		}
	}
	return o.own(pair, l.owner)
}

// reasonToSign is empty for a certificate that is still good for long.
func (o Options) reasonToSign(pair layout.Pair, template *x509.Certificate, by *signer) string {
	if isAbsent(pair.Certificate) {
		return "it is not there"
	}
	found, err := readPair(pair)
	if err != nil {
		return "it cannot be used: " + err.Error()
	}
	is := found.certificate
	life := is.NotAfter.Sub(is.NotBefore)
	switch {
	case is.CheckSignatureFrom(by.certificate) != nil, !hasChain(pair.Certificate, by.chain):
		return "the authority is another"
	case o.Now.Before(is.NotBefore):
		return "it is not valid yet"
	case is.NotAfter.Sub(o.Now) < min(life, leafLife)/renewAt:
		return "it expires on " + is.NotAfter.Format(time.RFC3339)
	case is.Subject.String() != template.Subject.String(),
		!slices.Equal(is.DNSNames, template.DNSNames),
		!slices.EqualFunc(is.IPAddresses, template.IPAddresses, net.IP.Equal),
		!slices.Equal(is.ExtKeyUsage, template.ExtKeyUsage):
		return "it is for other names, addresses or uses"
	}
	return ""
}

// hasChain tells whether a file has this chain behind its certificate.
func hasChain(file string, chain []byte) bool {
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	_, rest := pem.Decode(content)
	return bytes.Equal(bytes.TrimSpace(rest), bytes.TrimSpace(chain))
}

func isAbsent(file string) bool {
	_, err := os.Lstat(file)
	return errors.Is(err, os.ErrNotExist)
}
