package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"

	"kedge/internal/csr"
	"kedge/internal/enrolment"
	"kedge/internal/pending"
)

// question is what a device asks, as far as it is proven: it has the key.
type question struct {
	key     string
	device  enrolment.Device
	request *x509.CertificateRequest
	encoded []byte
	// node is what it is, or would be; empty: nobody knows.
	node string
}

// judge reads a question, which every stranger may have asked.
func judge(ask enrolment.Ask) (question, error) {
	request, err := csr.Parse([]byte(ask.Request))
	if err != nil {
		return question{}, err
	}
	// Devices make such keys, and nobody shall have a controller reckon with others.
	if key, is := request.PublicKey.(*ecdsa.PublicKey); !is || key.Curve != elliptic.P256() {
		return question{}, errors.New("its key is none on the curve P-256")
	}
	device := ask.Device()
	if err := errors.Join(csr.CheckNames(request), device.Check()); err != nil {
		return question{}, err
	}
	fingerprint, err := enrolment.Fingerprint(request.PublicKey)
	return question{key: fingerprint, device: device, request: request, encoded: []byte(ask.Request)}, err
}

// isState says that the device asks how things stand, and for no certificate.
func (q question) isState() bool { return len(q.request.Subject.Names) == 0 }

// isFor wants the certificate of this node, and nothing else.
func (q question) isFor(node string) error { return csr.CheckSubject(node, q.request) }

func (q question) pending(address, refused string) pending.Device {
	return pending.Device{Key: q.key, MachineID: q.device.MachineID, Serial: q.device.Serial, Address: address, Refused: refused}
}
