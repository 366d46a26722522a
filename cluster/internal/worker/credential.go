package worker

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	api "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kedge/internal/enrolment"
	"kedge/internal/nodecert"
	"kedge/internal/role"
)

// look is the pause between two looks for the certificate that was asked for.
const look = 300 * time.Millisecond

// refusedError is what the controller answers to a machine that may not be the node.
type refusedError struct{ message string }

func (e *refusedError) Error() string {
	return "the controller refuses this machine: " + e.message
}

// enrolWith asks for the node's certificate with a credential, which may ask for
// nothing else, and with this machine's own key, by which the controller knows it.
func (w *Worker) enrolWith(ctx context.Context, credential enrolment.Credential, config *rest.Config, tell func(error)) error {
	key, err := deviceKey(w.Layout.DeviceKey())
	if err != nil {
		return err
	}
	request, err := enrolmentRequest(w.name, credential, key, thisDevice())
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	var asked *api.CertificateSigningRequest
	err = w.insist(ctx, tell, func(ctx context.Context) error {
		var err error
		if asked, err = waitForVerdict(ctx, client, request, asked); err != nil {
			return err
		}
		return verdictOf(asked)
	})
	if err != nil {
		return err
	}
	role.LogOf(w.Log, join).Info("the controller signed the node's certificate", "request", asked.Name)
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	return nodecert.Keep(w.Layout.Worker(), asked.Status.Certificate, encoded)
}

func enrolmentRequest(node string, credential enrolment.Credential, key *ecdsa.PrivateKey, device enrolment.Device) (*api.CertificateSigningRequest, error) {
	spec, err := nodecert.ClientRequest(node, key)
	if err != nil {
		return nil, err
	}
	annotations := map[string]string{enrolment.CredentialAnnotation: string(credential.Certificate), enrolment.MachineIDAnnotation: device.MachineID}
	if device.Serial != "" {
		annotations[enrolment.SerialAnnotation] = device.Serial
	}
	return &api.CertificateSigningRequest{
		ObjectMeta: meta.ObjectMeta{GenerateName: "kedge-enrol-" + node + "-", Annotations: annotations}, Spec: spec,
	}, nil
}

// waitForVerdict asks, unless that was done before, and waits as long as it may.
func waitForVerdict(ctx context.Context, client kubernetes.Interface, request, asked *api.CertificateSigningRequest) (*api.CertificateSigningRequest, error) {
	requests := client.CertificatesV1().CertificateSigningRequests()
	if asked == nil {
		var err error
		if asked, err = requests.Create(ctx, request, meta.CreateOptions{}); err != nil {
			return nil, err
		}
	}
	for {
		found, err := requests.Get(ctx, asked.Name, meta.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil, err // it was cleared away: ask again
		case err != nil:
			return asked, err
		case !isOpen(verdictOf(found)):
			return found, nil
		}
		asked = found
		select {
		case <-ctx.Done():
			return asked, nil
		case <-time.After(look):
		}
	}
}

var errOpen = errors.New("the controller has not signed the node's certificate yet")

func isOpen(verdict error) bool { return errors.Is(verdict, errOpen) }

// verdictOf is nil when the certificate is there.
func verdictOf(asked *api.CertificateSigningRequest) error {
	for _, condition := range asked.Status.Conditions {
		if condition.Type == api.CertificateDenied || condition.Type == api.CertificateFailed {
			return &refusedError{condition.Message}
		}
	}
	if len(asked.Status.Certificate) == 0 {
		return errOpen
	}
	return nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode this machine's key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
