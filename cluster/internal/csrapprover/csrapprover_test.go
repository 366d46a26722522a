package csrapprover

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authorization "k8s.io/api/authorization/v1"
	certificates "k8s.io/api/certificates/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// asked is what a kubelet sends: a request, and who asks for it.
type asked struct {
	template x509.CertificateRequest
	spec     certificates.CertificateSigningRequestSpec
}

// rightly is what the node edge-1 may have.
func rightly() asked {
	return asked{
		template: x509.CertificateRequest{
			Subject:  pkix.Name{CommonName: "system:node:edge-1", Organization: []string{"system:nodes"}},
			DNSNames: []string{"edge-1"},
		},
		spec: certificates.CertificateSigningRequestSpec{
			SignerName: certificates.KubeletServingSignerName,
			Username:   "system:node:edge-1", Groups: []string{"system:nodes", "system:authenticated"},
			Usages: []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageServerAuth},
		},
	}
}

func (a asked) request(t *testing.T) *certificates.CertificateSigningRequest {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &a.template, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.spec.Request == nil {
		a.spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	}
	return &certificates.CertificateSigningRequest{ObjectMeta: meta.ObjectMeta{Name: "csr-1"}, Spec: a.spec}
}

// cluster is a fake that permits as told.
func cluster(allow func() (bool, error), objects ...runtime.Object) *fake.Clientset {
	client := fake.NewClientset(objects...)
	client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorization.SubjectAccessReview).DeepCopy()
		allowed, err := allow()
		wanted := review.Spec.ResourceAttributes
		review.Status.Allowed = allowed && review.Spec.User == "system:node:edge-1" && wanted.Verb == "create" &&
			wanted.Group == "certificates.k8s.io" && wanted.Resource == "certificatesigningrequests" && wanted.Subresource == "selfnodeserver"
		return true, review, err
	})
	return client
}

func always() (bool, error) { return true, nil }

func newApprover(client *fake.Clientset) *Approver {
	return New(client, slog.New(slog.DiscardHandler))
}

// verdict is the condition that the request has: its type and its message.
func verdict(t *testing.T, client *fake.Clientset) (string, string) {
	t.Helper()
	csr, err := client.CertificatesV1().CertificateSigningRequests().Get(t.Context(), "csr-1", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	switch conditions := csr.Status.Conditions; len(conditions) {
	case 0:
		return "", ""
	case 1:
		return string(conditions[0].Type), conditions[0].Message
	default:
		t.Fatalf("conditions = %v", conditions)
		return "", ""
	}
}

func TestNodeGetsItsOwnNameAlone(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*asked)
		denied string // part of the message; empty: approved
	}{
		"its own name":           {func(*asked) {}, ""},
		"a key of RSA":           {func(a *asked) { a.spec.Usages = append(a.spec.Usages, certificates.UsageKeyEncipherment) }, ""},
		"another node's name":    {func(a *asked) { a.template.DNSNames = []string{"edge-2"} }, `its DNS names are ["edge-2"]`},
		"a second name":          {func(a *asked) { a.template.DNSNames = []string{"edge-1", "controller"} }, "its DNS names are"},
		"no name":                {func(a *asked) { a.template.DNSNames = nil }, "its DNS names are []"},
		"its own address":        {func(a *asked) { a.template.IPAddresses = []net.IP{net.IPv4(10, 0, 2, 15)} }, "it has addresses ([10.0.2.15])"},
		"a URI":                  {func(a *asked) { a.template.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} }, "it has URIs"},
		"an e-mail address":      {func(a *asked) { a.template.EmailAddresses = []string{"a@b"} }, "it has e-mail addresses"},
		"another node's subject": {func(a *asked) { a.template.Subject.CommonName = "system:node:edge-2" }, `it is for "system:node:edge-2"`},
		"another organization":   {func(a *asked) { a.template.Subject.Organization = []string{"system:masters"} }, "its organization is"},
		"two organizations": {
			func(a *asked) { a.template.Subject.Organization = []string{"system:nodes", "system:masters"} }, "its organization is",
		},
		"somebody who is no node": {func(a *asked) { a.spec.Username = "eve" }, `"eve" is no node`},
		"a name without the group": {
			func(a *asked) { a.spec.Groups = []string{"system:authenticated"} }, `"system:node:edge-1" is no node`,
		},
		"a client's usage": {
			func(a *asked) { a.spec.Usages = append(a.spec.Usages, certificates.UsageClientAuth) }, `its usages have "client auth"`,
		},
		"no server's usage": {
			func(a *asked) { a.spec.Usages = []certificates.KeyUsage{certificates.UsageDigitalSignature} }, `its usages lack "server auth"`,
		},
		"no request at all": {func(a *asked) { a.spec.Request = []byte("eve") }, "not one certificate request"},
		"something behind it": {func(a *asked) {
			a.spec.Request = append(rightly().request(t).Spec.Request, "more"...)
		}, "not one certificate request"},
		"a broken request": {func(a *asked) {
			a.spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("eve")})
		}, "it cannot be read"},
		"somebody else's signature": {func(a *asked) {
			block, _ := pem.Decode(rightly().request(t).Spec.Request)
			block.Bytes[len(block.Bytes)-1] ^= 1
			a.spec.Request = pem.EncodeToMemory(block)
		}, "not signed with its own key"},
	} {
		t.Run(name, func(t *testing.T) {
			a := rightly()
			test.change(&a)
			csr := a.request(t)
			client := cluster(always, csr)
			if err := newApprover(client).decide(t.Context(), csr); err != nil {
				t.Fatal(err)
			}
			got, message := verdict(t, client)
			want := "Approved"
			if test.denied != "" {
				want = "Denied"
			}
			if got != want || !strings.Contains(message, test.denied) {
				t.Errorf("verdict = %s %q; want %s with %q", got, message, want, test.denied)
			}
		})
	}
}

func TestEverythingThatIsWrongIsToldInOneLine(t *testing.T) {
	a := rightly()
	a.template.DNSNames = []string{"edge-2"}
	a.template.IPAddresses = []net.IP{net.IPv4(10, 0, 2, 15)}
	csr := a.request(t)
	client := cluster(always, csr)
	if err := newApprover(client).decide(t.Context(), csr); err != nil {
		t.Fatal(err)
	}
	_, message := verdict(t, client)
	if !strings.Contains(message, "DNS names") || !strings.Contains(message, "addresses") || strings.Contains(message, "\n") {
		t.Errorf("message = %q", message)
	}
}

func TestDecidedRequestsAreLeftAlone(t *testing.T) {
	denied := rightly().request(t)
	denied.Status.Conditions = []certificates.CertificateSigningRequestCondition{{Type: certificates.CertificateDenied}}
	approved := rightly().request(t)
	approved.Status.Conditions = []certificates.CertificateSigningRequestCondition{{Type: certificates.CertificateApproved}}
	signed := rightly().request(t)
	signed.Status.Certificate = []byte("signed")
	for name, csr := range map[string]*certificates.CertificateSigningRequest{"denied": denied, "approved": approved, "signed": signed} {
		t.Run(name, func(t *testing.T) {
			fake := cluster(always, csr)
			if err := newApprover(fake).decide(t.Context(), csr); err != nil {
				t.Fatal(err)
			}
			if actions := fake.Actions(); len(actions) > 0 {
				t.Errorf("actions = %v", actions)
			}
		})
	}
}

func TestRunDecidesOnceItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		client := cluster(func() (bool, error) {
			switch after := time.Since(began); {
			case after < 5*time.Second:
				return false, errors.New("the server starts")
			case after < 10*time.Second:
				return false, nil
			}
			return true, nil
		})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- newApprover(client).Run(ctx) }()
		time.Sleep(time.Second)
		csr := rightly().request(t)
		if _, err := client.CertificatesV1().CertificateSigningRequests().Create(ctx, csr, meta.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Second)
		if got, _ := verdict(t, client); got != "" {
			t.Errorf("decided without permission: %s", got)
		}
		time.Sleep(time.Minute)
		if got, message := verdict(t, client); got != "Approved" {
			t.Errorf("verdict = %s %q", got, message)
		}
		end()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
