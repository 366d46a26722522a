package csr

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	certificates "k8s.io/api/certificates/v1"

	"kedge/internal/nodecert"
)

// Parse reads the request itself, which must be signed with its own key.
func Parse(encoded []byte) (*x509.CertificateRequest, error) {
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

// Node is the name of the node that asks; empty for anybody else.
func Node(spec certificates.CertificateSigningRequestSpec) string {
	node, isNode := strings.CutPrefix(spec.Username, nodecert.UserPrefix)
	if !isNode || !slices.Contains(spec.Groups, nodecert.Group) {
		return ""
	}
	return node
}

// CheckSubject wants the name of this node as a client, and nothing besides.
func CheckSubject(node string, request *x509.CertificateRequest) error {
	subject := request.Subject
	if subject.CommonName != nodecert.UserPrefix+node || !slices.Equal(subject.Organization, []string{nodecert.Group}) || len(subject.Names) != 2 {
		return fmt.Errorf("it is for %q, and its credential is for \"O=%s,CN=%s%s\" alone", subject, nodecert.Group, nodecert.UserPrefix, node)
	}
	return nil
}

// CheckNames wants these DNS names, in this order, and no name of another kind.
func CheckNames(request *x509.CertificateRequest, dns ...string) error {
	var problems []error
	if !slices.Equal(request.DNSNames, dns) {
		problems = append(problems, fmt.Errorf("its DNS names are %q, not %q alone", request.DNSNames, dns))
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

// CheckUsages wants all that are needed, and permits others.
func CheckUsages(usages, needed []certificates.KeyUsage, permitted ...certificates.KeyUsage) error {
	for _, usage := range needed {
		if !slices.Contains(usages, usage) {
			return fmt.Errorf("its usages lack %q", usage)
		}
	}
	for _, usage := range usages {
		if !slices.Contains(needed, usage) && !slices.Contains(permitted, usage) {
			return fmt.Errorf("its usages have %q, which is not for this purpose", usage)
		}
	}
	return nil
}

// Has says whether somebody decided so already.
func Has(request *certificates.CertificateSigningRequest, verdict certificates.RequestConditionType) bool {
	return slices.ContainsFunc(request.Status.Conditions, func(condition certificates.CertificateSigningRequestCondition) bool {
		return condition.Type == verdict
	})
}
