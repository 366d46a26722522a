package enroller

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	authorization "k8s.io/api/authorization/v1"
	certificates "k8s.io/api/certificates/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"kedge/internal/binding"
	"kedge/internal/enrolment"
	"kedge/internal/nodecert"
	"kedge/internal/revocation"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// credential is a certificate of field-1's with this serial number, made so many hours after the first.
func credential(t *testing.T, serial int64, hours int) *x509.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		Subject:      pkix.Name{CommonName: "kedge:enrol:field-1", Organization: []string{"kedge:enrolling"}},
		SerialNumber: big.NewInt(serial), NotBefore: time.Date(2026, 11, 27, hours, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	is, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// machine is one that asks.
type machine struct {
	key        *ecdsa.PrivateKey
	id, serial string
}

func (m machine) request(t *testing.T, with *x509.Certificate) *certificates.CertificateSigningRequest {
	t.Helper()
	spec, err := nodecert.ClientRequest("field-1", m.key)
	if err != nil {
		t.Fatal(err)
	}
	spec.Username, spec.Groups = with.Subject.CommonName, append(with.Subject.Organization, "system:authenticated")
	spec.Extra = map[string]certificates.ExtraValue{"authentication.kubernetes.io/credential-id": {enrolment.CredentialID(with)}}
	return &certificates.CertificateSigningRequest{
		ObjectMeta: meta.ObjectMeta{Name: "csr-" + rand.Text(), Annotations: map[string]string{
			enrolment.CredentialAnnotation: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: with.Raw})),
			enrolment.MachineIDAnnotation:  m.id, enrolment.SerialAnnotation: m.serial,
		}},
		Spec: spec,
	}
}

// bench is a cluster in which field-1 may enrol.
type bench struct {
	*Enroller
	cluster *fake.Clientset
	revoked revocation.List
	unknown error
	allowed bool
	bound   []string
}

func newBench() *bench {
	b := &bench{cluster: fake.NewClientset(), allowed: true}
	b.cluster.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorization.SubjectAccessReview).DeepCopy()
		wanted := review.Spec.ResourceAttributes
		review.Status.Allowed = b.allowed && review.Spec.User == "kedge:enrol:field-1" && wanted.Resource == "certificatesigningrequests" && wanted.Subresource == "enrolnode"
		return true, review, nil
	})
	b.Enroller = New(b.cluster, func() (revocation.List, error) { return b.revoked, b.unknown }, slog.New(slog.DiscardHandler))
	b.Bound = func(node string) { b.bound = append(b.bound, node) }
	return b
}

// ask is the verdict about a request: "Approved", or "Denied" and why; "" when it waits.
func (b *bench) ask(t *testing.T, request *certificates.CertificateSigningRequest) (string, error) {
	t.Helper()
	requests := b.cluster.CertificatesV1().CertificateSigningRequests()
	if _, err := requests.Create(t.Context(), request, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	failed := b.decide(t.Context(), request)
	found, err := requests.Get(t.Context(), request.Name, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var verdict []string
	for _, condition := range found.Status.Conditions {
		verdict = append(verdict, fmt.Sprintf("%s: %s", condition.Type, condition.Message))
	}
	return strings.Join(verdict, "; "), failed
}

func (b *bench) wants(t *testing.T, what string, request *certificates.CertificateSigningRequest, want string) {
	t.Helper()
	verdict, err := b.ask(t, request)
	if err != nil || !strings.HasPrefix(verdict, want) {
		t.Errorf("%s: verdict = %q, %v; want %q", what, verdict, err, want)
	}
}

func (b *bench) events(ctx context.Context, t *testing.T) string {
	t.Helper()
	found, err := b.cluster.CoreV1().Events("default").List(ctx, meta.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, event := range found.Items {
		fmt.Fprintf(&text, "%s %s %s: %s\n", event.Type, event.InvolvedObject.Name, event.Reason, event.Message)
	}
	return text.String()
}

func TestANodeIsBoundToTheFirstMachine(t *testing.T) {
	b, first := newBench(), credential(t, 0x1f, 0)
	one := machine{newKey(t), "one", "S1"}
	b.wants(t, "first use", one.request(t, first), "Approved")
	b.wants(t, "after an absence", one.request(t, first), "Approved")
	for name, other := range map[string]machine{
		"another machine":          {newKey(t), "two", "S2"},
		"one that says the same":   {newKey(t), "one", "S1"},
		"a copy of the whole card": {one.key, "one", "S2"},
		"the data alone":           {one.key, "two", "S1"},
	} {
		b.wants(t, name, other.request(t, first), "Denied: the node field-1 is another machine since")
	}
	b.wants(t, "a kernel that tells no number", machine{one.key, "one", ""}.request(t, first), "Approved")
	if len(b.bound) != 1 {
		t.Errorf("bound = %v", b.bound)
	}
	told := b.events(t.Context(), t)
	for _, part := range []string{"Normal field-1 NodeEnrolled: enrolled machine-id one, serial number S1", "Warning field-1 EnrolmentRefused", "machine-id two, serial number S2"} {
		if !strings.Contains(told, part) {
			t.Errorf("no event has %q:\n%s", part, told)
		}
	}
}

func TestALaterCredentialIsTheOperatorsWord(t *testing.T) {
	b, early, late := newBench(), credential(t, 1, 0), credential(t, 2, 5)
	one, two := machine{newKey(t), "one", ""}, machine{newKey(t), "two", ""}
	b.wants(t, "the first", one.request(t, early), "Approved")
	b.wants(t, "another one with a later credential", two.request(t, late), "Approved")
	b.wants(t, "the first, with the earlier", one.request(t, early), "Denied: a newer credential than 1")
	b.wants(t, "the first, with the later", one.request(t, late), "Denied: the node field-1 is another machine")
	b.wants(t, "the second once more", two.request(t, late), "Approved")
	bound, err := binding.Store{Core: b.cluster.CoreV1()}.Credentials(t.Context())
	if err != nil || len(bound) != 1 || bound["field-1"] != "2" {
		t.Errorf("bound by %v, %v", bound, err)
	}
}

func TestRevokedCredentialsAreRefused(t *testing.T) {
	b, taken := newBench(), credential(t, 0xab, 0)
	one := machine{newKey(t), "one", ""}
	b.unknown = errors.New("damaged")
	if verdict, err := b.ask(t, one.request(t, taken)); verdict != "" || err == nil {
		t.Errorf("nobody knows what was revoked: %q, %v", verdict, err)
	}
	b.unknown = nil
	var err error
	if b.revoked, err = revocation.Parse([]byte(`{"format":1,"credentials":[{"serial":"ab","node":"field-1","revoked":"2026-11-27T10:00:00Z"}]}`)); err != nil {
		t.Fatal(err)
	}
	b.wants(t, "revoked", one.request(t, taken), "Denied: its credential ab was revoked on 2026-11-27T10:00:00Z; it asks from machine-id one")
	b.wants(t, "another one", one.request(t, credential(t, 0xac, 1)), "Approved")
}

func TestWhoMayNotEnrolWaits(t *testing.T) {
	b := newBench()
	b.allowed = false
	verdict, err := b.ask(t, machine{newKey(t), "one", ""}.request(t, credential(t, 1, 0)))
	if verdict != "" || err == nil {
		t.Errorf("verdict = %q, %v", verdict, err)
	}
	if len(b.bound) > 0 {
		t.Errorf("bound = %v", b.bound)
	}
}

func TestOthersRequestsAreLeftAlone(t *testing.T) {
	b := newBench()
	request := machine{newKey(t), "one", ""}.request(t, credential(t, 1, 0))
	for user, groups := range map[string][]string{
		"system:node:field-1": {"system:nodes"}, "system:bootstrap:abcdef": {"system:bootstrappers"}, "kedge:enrol:field-1": {"system:authenticated"},
	} {
		other := request.DeepCopy()
		other.Name, other.Spec.Username, other.Spec.Groups = "csr-"+rand.Text(), user, groups
		if verdict, err := b.ask(t, other); verdict != "" || err != nil {
			t.Errorf("%s: %q, %v", user, verdict, err)
		}
	}
}

func TestWhatIsAskedForIsJudged(t *testing.T) {
	whole := credential(t, 1, 0)
	for name, test := range map[string]struct {
		change func(*certificates.CertificateSigningRequest)
		told   string
	}{
		"another user's name": {func(r *certificates.CertificateSigningRequest) { r.Spec.Username = "kedge:enrol:field-2" }, "its credential is for"},
		"no credential":       {func(r *certificates.CertificateSigningRequest) { delete(r.Annotations, enrolment.CredentialAnnotation) }, "does not show the credential"},
		"another credential": {func(r *certificates.CertificateSigningRequest) {
			r.Spec.Extra = map[string]certificates.ExtraValue{credentialID: {"X509SHA256=00"}}
		}, "shows another credential"},
		"nobody's credential": {func(r *certificates.CertificateSigningRequest) { r.Spec.Extra = nil }, "shows another credential"},
		"no machine-id":       {func(r *certificates.CertificateSigningRequest) { r.Annotations[enrolment.MachineIDAnnotation] = "" }, "has no machine-id"},
		"a serial of lines":   {func(r *certificates.CertificateSigningRequest) { r.Annotations[enrolment.SerialAnnotation] = "a\nb" }, "no line of ASCII"},
		"a serial of a book": {func(r *certificates.CertificateSigningRequest) {
			r.Annotations[enrolment.SerialAnnotation] = strings.Repeat("a", 129)
		}, "no line of ASCII"},
		"no request": {func(r *certificates.CertificateSigningRequest) { r.Spec.Request = []byte("eve") }, "not one certificate request"},
		"to serve": {func(r *certificates.CertificateSigningRequest) {
			r.Spec.Usages = append(r.Spec.Usages, certificates.UsageServerAuth)
		}, "not for this purpose"},
	} {
		t.Run(name, func(t *testing.T) {
			b, request := newBench(), machine{newKey(t), "one", "S1"}.request(t, whole)
			test.change(request)
			b.wants(t, name, request, "Denied: ")
			if told := b.events(t.Context(), t); !strings.Contains(told, test.told) {
				t.Errorf("told %q; want %q", told, test.told)
			}
			if len(b.bound) > 0 {
				t.Errorf("bound = %v", b.bound)
			}
		})
	}
}
