package enroller

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	certificates "k8s.io/api/certificates/v1"

	"kedge/internal/binding"
	"kedge/internal/csr"
	"kedge/internal/enrolment"
)

// credentialID is where the API server says which certificate a user came with.
const credentialID = "authentication.kubernetes.io/credential-id"

// judge says which machine asks with which credential, or why what it asks for
// must not be signed: anything but the certificate of its node as a client.
func judge(node string, asked *certificates.CertificateSigningRequest) (binding.Binding, error) {
	request, err := csr.Parse(asked.Spec.Request)
	if err != nil {
		return binding.Binding{}, err
	}
	credential, err := credentialOf(asked)
	if err != nil {
		return binding.Binding{}, err
	}
	key, err := enrolment.Fingerprint(request.PublicKey)
	if err != nil {
		return binding.Binding{}, err
	}
	usages := csr.CheckUsages(asked.Spec.Usages, []certificates.KeyUsage{certificates.UsageClientAuth},
		certificates.UsageDigitalSignature, certificates.UsageKeyEncipherment)
	wanted := binding.Binding{
		Node: node, Key: key, Credential: enrolment.Serial(credential), Made: credential.NotBefore.UTC().Truncate(time.Second),
		Device: enrolment.Device{MachineID: asked.Annotations[enrolment.MachineIDAnnotation], Serial: asked.Annotations[enrolment.SerialAnnotation]},
	}
	return wanted, errors.Join(csr.CheckSubject(node, request), csr.CheckNames(request), usages, wanted.Device.Check())
}

// credentialOf is the certificate that the machine came with: the one that it
// shows, if the API server says that it is the one.
func credentialOf(asked *certificates.CertificateSigningRequest) (*x509.Certificate, error) {
	shown, err := enrolment.ParseCertificate([]byte(asked.Annotations[enrolment.CredentialAnnotation]))
	if err != nil {
		return nil, fmt.Errorf("the annotation %s does not show the credential: %w", enrolment.CredentialAnnotation, err)
	}
	if !slices.Equal(asked.Spec.Extra[credentialID], certificates.ExtraValue{enrolment.CredentialID(shown)}) {
		return nil, fmt.Errorf("the annotation %s shows another credential than the one that was used", enrolment.CredentialAnnotation)
	}
	return shown, nil
}
