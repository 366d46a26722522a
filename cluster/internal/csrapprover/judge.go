package csrapprover

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	certificates "k8s.io/api/certificates/v1"
)

const (
	nodePrefix = "system:node:"
	nodesGroup = "system:nodes"
)

// judge says which node asks, or why what is asked for must not be signed. It
// wants more than the signer does: the addresses of a node are what the node
// itself says they are, so a certificate for one of them would let a stolen
// node answer in the place of any machine that has that address.
func judge(csr *certificates.CertificateSigningRequest) (string, error) {
	request, err := parse(csr.Spec.Request)
	if err != nil {
		return "", err
	}
	return requestor(csr.Spec), errors.Join(
		checkRequestor(csr.Spec, request),
		checkNames(requestor(csr.Spec), request),
		checkUsages(csr.Spec.Usages),
	)
}

func parse(encoded []byte) (*x509.CertificateRequest, error) {
	block, rest := pem.Decode(encoded)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) > 0 {
		return nil, errors.New("it is not one certificate request in PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("it is not signed with its own key: %w", err)
	}
	return request, nil
}

// requestor is the name of the node that asks; empty for anybody else.
func requestor(spec certificates.CertificateSigningRequestSpec) string {
	node, isNode := strings.CutPrefix(spec.Username, nodePrefix)
	if !isNode || !slices.Contains(spec.Groups, nodesGroup) {
		return ""
	}
	return node
}

func checkRequestor(spec certificates.CertificateSigningRequestSpec, request *x509.CertificateRequest) error {
	if requestor(spec) == "" {
		return fmt.Errorf("%q is no node", spec.Username)
	}
	if request.Subject.CommonName != spec.Username {
		return fmt.Errorf("it is for %q, but %q asks", request.Subject.CommonName, spec.Username)
	}
	if !slices.Equal(request.Subject.Organization, []string{nodesGroup}) {
		return fmt.Errorf("its organization is %q, not %q alone", request.Subject.Organization, nodesGroup)
	}
	return nil
}

func checkNames(node string, request *x509.CertificateRequest) error {
	var problems []error
	if !slices.Equal(request.DNSNames, []string{node}) {
		problems = append(problems, fmt.Errorf("its DNS names are %q, not the node's name %q alone", request.DNSNames, node))
	}
	if len(request.IPAddresses) > 0 {
		problems = append(problems, fmt.Errorf("it has addresses (%s): a node is reached by its name", request.IPAddresses))
	}
	if len(request.URIs) > 0 {
		problems = append(problems, fmt.Errorf("it has URIs (%s)", request.URIs))
	}
	if len(request.EmailAddresses) > 0 {
		problems = append(problems, fmt.Errorf("it has e-mail addresses (%s)", request.EmailAddresses))
	}
	return errors.Join(problems...)
}

// checkUsages takes what a TLS server needs; only keys of RSA need the second.
func checkUsages(usages []certificates.KeyUsage) error {
	needed := []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageServerAuth}
	permitted := append([]certificates.KeyUsage{certificates.UsageKeyEncipherment}, needed...)
	for _, usage := range needed {
		if !slices.Contains(usages, usage) {
			return fmt.Errorf("its usages lack %q", usage)
		}
	}
	for _, usage := range usages {
		if !slices.Contains(permitted, usage) {
			return fmt.Errorf("its usages have %q, which a kubelet's server does not need", usage)
		}
	}
	return nil
}
