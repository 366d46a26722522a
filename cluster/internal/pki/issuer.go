package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"kedge/internal/layout"
)

const hintIssuer = "put the issuer's certificate and key there again, as they were made together with the authority"

// isIssued tells that an issuer signs for an authority. One half is enough: what
// lacks must be told, not made up for by a new authority.
func isIssued(l layout.Layout, authority string) bool {
	pair := l.Issuer(authority)
	return !isAbsent(pair.Certificate) || !isAbsent(pair.Key)
}

// Issued are the authorities for which an issuer signs on this machine, because
// their own keys are kept elsewhere.
func Issued(l layout.Layout) []string {
	var names []string
	for _, a := range authorities() {
		if isIssued(l, a.name) {
			names = append(names, a.name)
		}
	}
	return names
}

// Signer is who signs for an authority on this machine: its issuer where there is one.
func Signer(l layout.Layout, authority string) layout.Pair {
	if isIssued(l, authority) {
		return l.Issuer(authority)
	}
	return l.Pair(authority)
}

// readSigner is who signs for an authority: its issuer where there is one.
func readSigner(l layout.Layout, authority string) (*signer, error) {
	if !isIssued(l, authority) {
		return readPair(l.Pair(authority))
	}
	pair := l.Issuer(authority)
	issuer, err := readPair(pair)
	if err != nil {
		return nil, err
	}
	by, err := readCertificate(l.Certificate(authority))
	if err != nil {
		return nil, err
	}
	if err := issuer.certificate.CheckSignatureFrom(by); err != nil {
		return nil, &Error{File: pair.Certificate, Problem: fmt.Sprintf("%s did not sign it: %s", l.Certificate(authority), err), Hint: hintIssuer}
	}
	issuer.chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.certificate.Raw})
	return issuer, nil
}

// ensureIssuer judges an authority and its issuer, neither of which is ever made here.
func (o Options) ensureIssuer(a authority) (*signer, error) {
	issuer, err := readSigner(o.Layout, a.name)
	if err != nil {
		return nil, err
	}
	root := o.Layout.Certificate(a.name)
	above, err := readCertificate(root)
	if err != nil {
		return nil, err
	}
	if above.MaxPathLenZero {
		return nil, &Error{File: root, Problem: "the authority may have no issuer (its path length is 0)", Hint: hintIssuer}
	}
	pair := o.Layout.Issuer(a.name)
	for file, certificate := range map[string]*x509.Certificate{root: above, pair.Certificate: issuer.certificate} {
		if err := o.judgeAuthority(certificate); err != nil {
			return nil, &Error{File: file, Problem: err.Error(), Hint: hintIssuer}
		}
	}
	return issuer, o.own(pair, a.owner)
}

// writeAccepted writes, for authorities whose certificates others bring, who
// signs for them now. Were the authority among them, whatever an issuer of the
// past signed would be good for as long as it comes with its chain, and leaves
// that come without one would not be.
func (o Options) writeAccepted() error {
	for authority, more := range map[string][]string{
		authorityUsers: {o.Layout.EnrolmentAuthority()}, authorityKubelets: nil, authorityAgent: nil,
	} {
		files := append([]string{Signer(o.Layout, authority).Certificate}, more...)
		var content bytes.Buffer
		for _, file := range files {
			certificate, err := readCertificate(file)
			var missing *Error
			if errors.As(err, &missing) && isAbsent(file) {
				continue
			}
			if err != nil {
				return err
			}
			if err := pem.Encode(&content, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}); err != nil {
				return err
			}
		}
		file := o.Layout.Accepted(authority)
		if is, err := os.ReadFile(file); err == nil && bytes.Equal(is, content.Bytes()) {
			continue
		}
		if err := o.writeFile(file, content.Bytes(), modeCertificate, root); err != nil {
			return err
		}
	}
	return nil
}
