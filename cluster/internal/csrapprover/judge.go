package csrapprover

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	certificates "k8s.io/api/certificates/v1"

	"kedge/internal/csr"
	"kedge/internal/nodecert"
)

// judge says which node asks, or why what is asked for must not be signed. It
// wants more than the signer does: the addresses of a node are what the node
// itself says they are, so a certificate for one of them would let a stolen
// node answer in the place of any machine that has that address.
func judge(asked *certificates.CertificateSigningRequest) (string, error) {
	request, err := csr.Parse(asked.Spec.Request)
	if err != nil {
		return "", err
	}
	node := csr.Node(asked.Spec)
	return node, errors.Join(
		checkRequestor(asked.Spec, request),
		csr.CheckNames(request, node),
		checkUsages(asked.Spec.Usages),
	)
}

func checkRequestor(spec certificates.CertificateSigningRequestSpec, request *x509.CertificateRequest) error {
	if csr.Node(spec) == "" {
		return fmt.Errorf("%q is no node", spec.Username)
	}
	if request.Subject.CommonName != spec.Username {
		return fmt.Errorf("it is for %q, but %q asks", request.Subject.CommonName, spec.Username)
	}
	if !slices.Equal(request.Subject.Organization, []string{nodecert.Group}) {
		return fmt.Errorf("its organization is %q, not %q alone", request.Subject.Organization, nodecert.Group)
	}
	return nil
}

// checkUsages takes what a TLS server needs; only keys of RSA need the third.
func checkUsages(usages []certificates.KeyUsage) error {
	return csr.CheckUsages(usages, []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageServerAuth}, certificates.UsageKeyEncipherment)
}
