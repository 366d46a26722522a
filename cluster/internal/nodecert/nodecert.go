// Package nodecert keeps a node's certificates: it makes the keys here, asks the
// controller for certificates, and asks again before they expire.
package nodecert

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	certificates "k8s.io/api/certificates/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	manager "k8s.io/client-go/util/certificate"
)

// TunnelSigner signs the certificates with which nodes open the tunnel.
const TunnelSigner = "kedge.io/konnectivity-agent"

// The certificates of a node; the names are those of their files.
const (
	Client  = "node"
	Serving = "serving"
	Tunnel  = "tunnel"
)

// UserPrefix and Group are how Kubernetes names a node as a client.
const (
	UserPrefix = "system:node:"
	Group      = "system:nodes"
)

// Life is how long a certificate of a node is good for.
const Life = 30 * 24 * time.Hour

// Request is one certificate that a node wants.
type Request struct {
	// Name is Client, Serving or Tunnel.
	Name string
	// Node is whose it is.
	Node string
	// Dir is where it is kept.
	Dir string
	// Config is how the API server is asked, given the certificate that there
	// is; nil when there is none yet.
	Config func(current *tls.Certificate) (*rest.Config, error)
}

// New makes a keeper of one certificate that has not started.
func New(r Request) (manager.Manager, error) {
	store, err := manager.NewFileStore(r.Name, r.Dir, r.Dir, "", "")
	if err != nil {
		return nil, fmt.Errorf("open the store of the node's certificates: %w", err)
	}
	template, signer, usages := r.form()
	life := Life
	keeper, err := manager.NewManager(&manager.Config{
		Name:                         r.Name,
		SignerName:                   signer,
		GetTemplate:                  func() *x509.CertificateRequest { return template },
		GetUsages:                    func(any) []certificates.KeyUsage { return usages },
		CertificateStore:             store,
		RequestedCertificateLifetime: &life,
		ClientsetFn: func(current *tls.Certificate) (kubernetes.Interface, error) {
			config, err := r.Config(current)
			if err != nil {
				return nil, err
			}
			return kubernetes.NewForConfig(config)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("keep the node's certificate %s: %w", r.Name, err)
	}
	return keeper, nil
}

// form is what the controller signs, and nothing else. A certificate to serve
// with has the node's name alone: addresses are what the node itself reports.
func (r Request) form() (*x509.CertificateRequest, string, []certificates.KeyUsage) {
	asNode := pkix.Name{CommonName: UserPrefix + r.Node, Organization: []string{Group}}
	switch r.Name {
	case Serving:
		return &x509.CertificateRequest{Subject: asNode, DNSNames: []string{r.Node}}, certificates.KubeletServingSignerName,
			[]certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageServerAuth}
	case Tunnel:
		return &x509.CertificateRequest{Subject: pkix.Name{CommonName: r.Node}}, TunnelSigner,
			[]certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageClientAuth}
	default:
		return &x509.CertificateRequest{Subject: asNode}, certificates.KubeAPIServerClientKubeletSignerName,
			[]certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageClientAuth}
	}
}

// ClientRequest asks for the node's certificate as a client, with a key that is there already.
func ClientRequest(node string, key crypto.Signer) (certificates.CertificateSigningRequestSpec, error) {
	template, _, _ := Request{Name: Client, Node: node}.form()
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return certificates.CertificateSigningRequestSpec{}, fmt.Errorf("make the request for the node's certificate: %w", err)
	}
	return ClientSpec(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// ClientSpec asks for a node's certificate as a client with a request that was made already.
func ClientSpec(request []byte) certificates.CertificateSigningRequestSpec {
	_, signer, usages := Request{Name: Client}.form()
	seconds := int32(Life / time.Second)
	return certificates.CertificateSigningRequestSpec{Request: request, SignerName: signer, Usages: usages, ExpirationSeconds: &seconds}
}

// Load reads a certificate file with its key, as the keeper leaves it.
// fs.ErrNotExist says that there is none.
func Load(file string) (*x509.Certificate, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, fmt.Errorf("read the node's certificate in %s: %w", file, err)
	}
	return x509.ParseCertificate(pair.Certificate[0])
}

// CheckName refuses the certificate of another node.
func CheckName(is *x509.Certificate, node string) error {
	if is.Subject.CommonName == UserPrefix+node {
		return nil
	}
	return fmt.Errorf("this machine is the node %q of its cluster, not %q: 'kedge reset' makes it a new one",
		is.Subject.CommonName[min(len(UserPrefix), len(is.Subject.CommonName)):], node)
}

// CheckTime tells why a node's certificate is no use at that time. It is the
// controller's clock that counts: who asks may be the one whose clock is wrong.
func CheckTime(is *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(is.NotBefore):
		return fmt.Errorf("the node's certificate is valid from %s, and this machine's clock says %s: is it right?", is.NotBefore.Format(time.RFC3339), now.Format(time.RFC3339))
	case now.After(is.NotAfter):
		return fmt.Errorf("the node's certificate expired on %s, and this machine's clock says %s: if that is right, give the worker a new token or credential",
			is.NotAfter.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	return nil
}

// Discard lets those certificates be made anew that are no use at that time, by
// their files: a keeper would hold on to what is not valid yet. Their keys stay.
func Discard(now time.Time, files ...string) error {
	for _, file := range files {
		if is, err := Load(file); err != nil || CheckTime(is, now) == nil {
			continue
		}
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("discard a certificate that is not valid now: %w", err)
		}
	}
	return nil
}

// Keep stores a client certificate that was made elsewhere.
func Keep(dir string, certificate, key []byte) error {
	store, err := manager.NewFileStore(Client, dir, dir, "", "")
	if err == nil {
		_, err = store.Update(certificate, key)
	}
	if err != nil {
		return fmt.Errorf("store the node's certificate: %w", err)
	}
	return nil
}
