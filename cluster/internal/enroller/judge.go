package enroller

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	certificates "k8s.io/api/certificates/v1"

	"kedge/internal/csr"
	"kedge/internal/enrolment"
	"kedge/internal/nodecert"
)

// credentialID is where the API server says which certificate a user came with.
const credentialID = "authentication.kubernetes.io/credential-id"

// judge says which machine asks with which credential, or why what it asks for
// must not be signed: anything but the certificate of its node as a client.
func judge(node string, asked *certificates.CertificateSigningRequest) (binding, error) {
	request, err := csr.Parse(asked.Spec.Request)
	if err != nil {
		return binding{}, err
	}
	credential, err := credentialOf(asked)
	if err != nil {
		return binding{}, err
	}
	key, err := enrolment.Fingerprint(request.PublicKey)
	if err != nil {
		return binding{}, err
	}
	usages := csr.CheckUsages(asked.Spec.Usages, []certificates.KeyUsage{certificates.UsageClientAuth},
		certificates.UsageDigitalSignature, certificates.UsageKeyEncipherment)
	wanted := binding{
		Node: node, Key: key, Credential: enrolment.Serial(credential), Made: credential.NotBefore.UTC().Truncate(time.Second),
		Device: enrolment.Device{MachineID: asked.Annotations[enrolment.MachineIDAnnotation], Serial: asked.Annotations[enrolment.SerialAnnotation]},
	}
	return wanted, errors.Join(checkSubject(node, request), csr.CheckNames(request), usages, checkDevice(wanted.Device))
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

func checkSubject(node string, request *x509.CertificateRequest) error {
	subject := request.Subject
	if subject.CommonName != nodecert.UserPrefix+node || !slices.Equal(subject.Organization, []string{nodecert.Group}) || len(subject.Names) != 2 {
		return fmt.Errorf("it is for %q, and its credential is for \"O=%s,CN=%s%s\" alone", subject, nodecert.Group, nodecert.UserPrefix, node)
	}
	return nil
}

// longest is more than any machine says of itself.
const longest = 128

// checkDevice refuses what could not be shown to people.
func checkDevice(device enrolment.Device) error {
	if device.MachineID == "" {
		return errors.New("the machine has no machine-id (/etc/machine-id)")
	}
	for _, text := range []string{device.MachineID, device.Serial} {
		if len(text) > longest || slices.ContainsFunc([]rune(text), func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("the machine's machine-id or serial number is no line of ASCII")
		}
	}
	return nil
}
