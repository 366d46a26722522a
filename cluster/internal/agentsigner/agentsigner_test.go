package agentsigner

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	authorization "k8s.io/api/authorization/v1"
	certificates "k8s.io/api/certificates/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"kedge/internal/nodecert"
)

// wish is what a node sends: a request, and who asks for it.
type wish struct {
	template x509.CertificateRequest
	spec     certificates.CertificateSigningRequestSpec
	verdict  certificates.RequestConditionType // of somebody else, before
}

// rightly is what the node edge-1 may have.
func rightly() wish {
	return wish{
		template: x509.CertificateRequest{Subject: pkix.Name{CommonName: "edge-1"}},
		spec: certificates.CertificateSigningRequestSpec{
			SignerName: nodecert.TunnelSigner, Username: "system:node:edge-1", Groups: []string{"system:nodes", "system:authenticated"},
			Usages: []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageClientAuth},
		},
	}
}

func (w wish) request(t *testing.T) *certificates.CertificateSigningRequest {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &w.template, key)
	if err != nil {
		t.Fatal(err)
	}
	w.spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	made := &certificates.CertificateSigningRequest{ObjectMeta: meta.ObjectMeta{Name: "csr-1"}, Spec: w.spec}
	if w.verdict != "" {
		made.Status.Conditions = []certificates.CertificateSigningRequestCondition{{Type: w.verdict}}
	}
	return made
}

// decided lets the signer decide, who may have certificates as told, and
// returns the request as it is then.
func decided(t *testing.T, request *certificates.CertificateSigningRequest, allowed bool) (*certificates.CertificateSigningRequest, error) {
	t.Helper()
	client := fake.NewClientset(request)
	client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorization.SubjectAccessReview).DeepCopy()
		review.Status.Allowed = allowed && review.Spec.User == request.Spec.Username && review.Spec.ResourceAttributes.Subresource == "selfnodeagent"
		return true, review, nil
	})
	sign := func(node string, _ crypto.PublicKey, life time.Duration) ([]byte, error) {
		return fmt.Appendf(nil, "%s for %s", node, life), nil
	}
	err := New(client, sign, slog.New(slog.DiscardHandler)).decide(t.Context(), request)
	after, getErr := client.CertificatesV1().CertificateSigningRequests().Get(t.Context(), request.Name, meta.GetOptions{})
	if getErr != nil {
		t.Fatal(getErr)
	}
	return after, err
}

// verdict is all that was decided: types of conditions, and the last message.
func verdict(request *certificates.CertificateSigningRequest) (string, string) {
	var types []string
	var message string
	for _, condition := range request.Status.Conditions {
		types, message = append(types, string(condition.Type)), condition.Message
	}
	return strings.Join(types, " "), message
}

func TestNodeGetsItsOwnName(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*wish)
		signed string
	}{
		"as long as it can be": {func(*wish) {}, "edge-1 for 720h0m0s"},
		"shorter":              {func(w *wish) { w.spec.ExpirationSeconds = new(int32(3600)) }, "edge-1 for 1h0m0s"},
		"not longer":           {func(w *wish) { w.spec.ExpirationSeconds = new(int32(1 << 30)) }, "edge-1 for 720h0m0s"},
		"without a signature":  {func(w *wish) { w.spec.Usages = w.spec.Usages[1:] }, "edge-1 for 720h0m0s"},
		"approved by a person": {func(w *wish) { w.verdict = certificates.CertificateApproved }, "edge-1 for 720h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			w := rightly()
			test.change(&w)
			after, err := decided(t, w.request(t), true)
			if err != nil || string(after.Status.Certificate) != test.signed {
				t.Errorf("certificate = %q, %v; want %q", after.Status.Certificate, err, test.signed)
			}
			if got, _ := verdict(after); got != "Approved" {
				t.Errorf("verdict = %q", got)
			}
		})
	}
}

func TestEverythingElseIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*wish)
		why    string
	}{
		"another node's name": {func(w *wish) { w.template.Subject.CommonName = "edge-2" }, `it is for "CN=edge-2"`},
		"its name as a user":  {func(w *wish) { w.template.Subject.CommonName = "system:node:edge-1" }, "it is for"},
		"an organization":     {func(w *wish) { w.template.Subject.Organization = []string{"system:nodes"} }, "it is for"},
		"a second name": {func(w *wish) {
			w.template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 3}, Value: "edge-2"}}
		}, "it is for"},
		"a DNS name":              {func(w *wish) { w.template.DNSNames = []string{"edge-1"} }, `its DNS names are ["edge-1"]`},
		"an address":              {func(w *wish) { w.template.IPAddresses = []net.IP{net.IPv4(10, 0, 2, 15)} }, "it has addresses"},
		"a server's usage":        {func(w *wish) { w.spec.Usages = append(w.spec.Usages, certificates.UsageServerAuth) }, `have "server auth"`},
		"an authority's usage":    {func(w *wish) { w.spec.Usages = append(w.spec.Usages, certificates.UsageCertSign) }, `have "cert sign"`},
		"no client's usage":       {func(w *wish) { w.spec.Usages = w.spec.Usages[:1] }, `lack "client auth"`},
		"somebody who is no node": {func(w *wish) { w.spec.Username = "edge-1" }, `"edge-1" is no node`},
		"a machine with a token":  {func(w *wish) { w.spec.Groups = []string{"system:bootstrappers"} }, "is no node"},
		"a node that is an address": {func(w *wish) {
			w.spec.Username, w.template.Subject.CommonName = "system:node:10.0.2.15", "10.0.2.15"
		}, "is an address"},
		"a node with a controller's name": {func(w *wish) {
			w.spec.Username, w.template.Subject.CommonName = "system:node:metrics.kedge.internal", "metrics.kedge.internal"
		}, "is kept for what runs on controllers"},
	} {
		t.Run(name, func(t *testing.T) {
			for before, want := range map[certificates.RequestConditionType]string{"": "Denied", certificates.CertificateApproved: "Approved Failed"} {
				w := rightly()
				test.change(&w)
				w.verdict = before
				after, err := decided(t, w.request(t), true)
				got, message := verdict(after)
				if err != nil || got != want || !strings.Contains(message, test.why) || len(after.Status.Certificate) > 0 {
					t.Errorf("verdict = %s %q, certificate = %q, %v; want %s with %q", got, message, after.Status.Certificate, err, want, test.why)
				}
			}
		})
	}
}

func TestNothingIsSignedWithoutPermission(t *testing.T) {
	after, err := decided(t, rightly().request(t), false)
	if got, _ := verdict(after); err == nil || got != "" || len(after.Status.Certificate) > 0 {
		t.Errorf("verdict = %q, %v", got, err)
	}
}

func TestDecidedRequestsAreLeftAlone(t *testing.T) {
	for _, before := range []certificates.RequestConditionType{certificates.CertificateDenied, certificates.CertificateFailed} {
		w := rightly()
		w.verdict = before
		after, err := decided(t, w.request(t), true)
		if got, _ := verdict(after); err != nil || got != string(before) || len(after.Status.Certificate) > 0 {
			t.Errorf("after %s: %q, %v", before, got, err)
		}
	}
	signed := rightly().request(t)
	signed.Status.Certificate = []byte("signed before")
	if after, err := decided(t, signed, true); err != nil || string(after.Status.Certificate) != "signed before" {
		t.Errorf("certificate = %q, %v", after.Status.Certificate, err)
	}
}
