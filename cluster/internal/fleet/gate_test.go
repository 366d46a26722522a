package fleet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	certificates "k8s.io/api/certificates/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"kedge/internal/binding"
	"kedge/internal/enrolment"
	"kedge/internal/fleetlist"
	"kedge/internal/revocation"
)

// bench is a gate and the cluster behind it, in which S1 is expected as field-1.
type bench struct {
	*Gate
	t       *testing.T
	cluster *fake.Clientset
	revoked string
	log     strings.Builder
	bound   []string
}

const expected = `{"format":1,"open":true,"devices":[
{"serialNumber":"S1","node":"field-1","credential":"1f","made":"2026-11-27T10:00:00Z","expires":"2036-11-27T10:00:00Z","labels":{"site":"a"}},
{"serialNumber":"S0","node":"field-0","credential":"1e","made":"2016-11-27T10:00:00Z","expires":"2026-11-27T10:00:00Z"}]}`

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, cluster: fake.NewClientset(), revoked: `{"format":1,"credentials":[]}`}
	b.cluster.PrependReactor("create", "certificatesigningrequests", func(action clienttesting.Action) (bool, runtime.Object, error) {
		made := action.(clienttesting.CreateAction).GetObject().(*certificates.CertificateSigningRequest)
		made.Name, made.Status.Certificate = "csr-"+rand.Text(), []byte("signed")
		return false, nil, nil
	})
	b.Gate = New(Options{
		Client: b.cluster, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Bound: func(node string) { b.bound = append(b.bound, node) },
		List:    func() (fleetlist.List, error) { return fleetlist.Parse([]byte(expected)) },
		Revoked: func() (revocation.List, error) { return revocation.Parse([]byte(b.revoked)) },
	})
	return b
}

// device is one that asks.
type device struct {
	key        crypto.Signer
	id, serial string
}

func newDevice(t *testing.T, id, serial string) device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return device{key, id, serial}
}

func (d device) fingerprint(t *testing.T) string {
	t.Helper()
	found, err := enrolment.Fingerprint(d.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (d device) asks(t *testing.T, request x509.CertificateRequest) enrolment.Ask {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &request, d.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	return enrolment.Ask{Request: string(encoded), MachineID: d.id, Serial: d.serial}
}

func named(node string) x509.CertificateRequest {
	return x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}}}
}

// wants asks, and compares "STATE NODE reason", or an error.
func (b *bench) wants(what string, d device, request x509.CertificateRequest, want string) enrolment.Answer {
	b.t.Helper()
	answer, err := b.answer(b.t.Context(), "192.0.2.9", d.asks(b.t, request))
	got := strings.TrimSpace(fmt.Sprintf("%s %s%s", answer.State, answer.Node, answer.Reason))
	if err != nil {
		got = "error: " + err.Error()
	}
	if !strings.HasPrefix(got, want) {
		b.t.Errorf("%s: %q; want %q", what, got, want)
	}
	return answer
}

var state = x509.CertificateRequest{}

// approve is what the operator does, and what is then learnt of it.
func (b *bench) approve(d device, node string) {
	b.t.Helper()
	store, key := binding.Store{Core: b.cluster.CoreV1()}, d.fingerprint(b.t)
	if err := store.Approve(b.t.Context(), binding.Binding{Node: node, Key: key, Credential: key, Made: time.Now()}, false); err != nil {
		b.t.Fatal(err)
	}
	kept, err := b.cluster.CoreV1().ConfigMaps("kube-system").Get(b.t.Context(), "kedge-enrolment-"+node, meta.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.known.note(kept, false)
}

func TestADeviceIsANodeOnceItIsApproved(t *testing.T) {
	b, one, other := newBench(t), newDevice(t, "one", "SX"), newDevice(t, "two", "")
	b.wants("a stranger", one, state, "pending")
	b.wants("a stranger who wants a name", one, named("field-7"), "error: it asks for a node's certificate, and is no node")
	b.approve(one, "field-7")
	b.wants("another one", other, state, "pending")
	b.wants("the device", one, state, "approved field-7")
	for name, request := range map[string]x509.CertificateRequest{
		"another name":     named("field-8"),
		"an administrator": {Subject: pkix.Name{CommonName: "system:node:field-7", Organization: []string{"system:masters"}}},
		"both":             {Subject: pkix.Name{CommonName: "system:node:field-7", Organization: []string{"system:nodes", "system:masters"}}},
		"a DNS name":       {Subject: named("field-7").Subject, DNSNames: []string{"field-7"}},
	} {
		b.wants(name, one, request, "error: it")
	}
	if answer := b.wants("its certificate", one, named("field-7"), "approved field-7"); answer.Certificate != "signed" {
		t.Errorf("answer = %+v", answer)
	}
	b.wants("another one at once", one, named("field-7"), "error: it asked a moment ago")
	if found := b.Pending(); len(found) != 1 || found[0].Key != other.fingerprint(t) {
		t.Errorf("pending = %+v", found)
	}
	if kept, _, _ := b.known.device(one.fingerprint(t)); kept.Node != "field-7" || fmt.Sprint(b.bound) != "[field-7]" {
		t.Errorf("kept = %+v, bound = %v", kept, b.bound)
	}
	for _, part := range []string{"a device asks to be approved", "a device is approved", "a node's certificate is signed"} {
		if !strings.Contains(b.log.String(), part) {
			t.Errorf("the log does not say %q:\n%s", part, b.log.String())
		}
	}
}

func TestACopyOfACardIsAnotherMachine(t *testing.T) {
	b, one := newBench(t), newDevice(t, "one", "SX")
	b.approve(one, "field-7")
	b.wants("the device", one, state, "approved field-7") // which says what it is
	kept, err := b.cluster.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "kedge-enrolment-field-7", meta.GetOptions{})
	if err != nil || kept.Data["machineID"] != "one" || kept.Data["serialNumber"] != "SX" {
		t.Fatalf("kept = %v, %v", kept.Data, err)
	}
	b.known.note(kept, false)
	answer := b.wants("its copy", device{one.key, "two", "SY"}, state, "refused another machine has its key")
	if strings.Contains(answer.Reason, "SX") {
		t.Errorf("the copy learns %q", answer.Reason)
	}
	if found := b.Pending(); len(found) != 1 || !strings.Contains(found[0].Refused, "SX") || !strings.Contains(found[0].Refused, "SY") {
		t.Errorf("pending = %+v", found)
	}
}

func TestASerialNumberIsGoodForOneDevice(t *testing.T) {
	b, first, second := newBench(t), newDevice(t, "one", "S1"), newDevice(t, "two", "S1")
	b.wants("a name at once", first, named("field-1"), "error: it asks")
	if answer := b.wants("the first", first, state, "approved field-1"); answer.Labels["site"] != "a" {
		t.Errorf("answer = %+v", answer)
	}
	b.wants("the first once more", first, named("field-1"), "approved field-1")
	answer := b.wants("the second", second, state, "refused its serial number")
	if strings.Contains(answer.Reason, "one") || strings.Contains(answer.Reason, "field-1") {
		t.Errorf("the second learns %q", answer.Reason)
	}
	told := b.Pending()[0].Refused
	for _, part := range []string{"S1 is the node field-1's", "machine-id one", "machine-id two"} {
		if !strings.Contains(told, part) || !strings.Contains(b.log.String(), part) {
			t.Errorf("%q is not told: %s", part, told)
		}
	}
	b.wants("one that expired", newDevice(t, "three", "S0"), state, "refused")
	b.revoked = `{"format":1,"credentials":[{"serial":"1f","node":"field-1","revoked":"2026-11-27T10:00:00Z"}]}`
	b.wants("revoked", first, state, "refused the node field-1 was revoked on 2026-11-27T10:00:00Z")
}

func TestANodeOfAnotherKindIsNotTakenOver(t *testing.T) {
	b, one := newBench(t), newDevice(t, "one", "S1")
	node := &core.Node{ObjectMeta: meta.ObjectMeta{Name: "field-1"}}
	if _, err := b.cluster.CoreV1().Nodes().Create(t.Context(), node, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.wants("by its serial number", one, state, "refused its serial number")
	store, key := binding.Store{Core: b.cluster.CoreV1()}, one.fingerprint(t)
	err := store.Approve(t.Context(), binding.Binding{Node: "field-1", Key: key, Credential: key, Made: time.Now()}, false)
	if !binding.IsRefused(err) {
		t.Errorf("approved: %v", err)
	}
}

func TestWhatTheOperatorRefused(t *testing.T) {
	b, one := newBench(t), newDevice(t, "one", "S1")
	store, key := binding.Store{Core: b.cluster.CoreV1()}, one.fingerprint(t)
	learn := func() {
		t.Helper()
		kept, err := b.cluster.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "kedge-refused-devices", meta.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b.known.note(kept, false)
	}
	if err := store.Refuse(t.Context(), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	learn()
	b.wants("refused, though its serial number is expected", one, state, "refused the operator refused it on ")
	if bound, err := store.All(t.Context()); len(bound) > 0 || err != nil {
		t.Errorf("bound = %v, %v", bound, err)
	}
	if err := store.Forgive(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	learn()
	b.wants("forgiven", one, state, "approved field-1")
	if err := store.Refuse(t.Context(), key, time.Now()); !binding.IsRefused(err) || !strings.Contains(err.Error(), "builder cluster revoke") {
		t.Errorf("a node is refused: %v", err)
	}
}

func TestQuestionsOfNoDevice(t *testing.T) {
	b, one := newBench(t), newDevice(t, "one", "")
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := one.asks(t, state)
	forged := strings.Replace(good.Request, "A", "B", 1)
	for name, ask := range map[string]enrolment.Ask{
		"nothing":             {},
		"no request":          {Request: "eve", MachineID: "one"},
		"a forged one":        {Request: forged, MachineID: "one"},
		"two":                 {Request: good.Request + good.Request, MachineID: "one"},
		"another kind of key": device{big, "one", ""}.asks(t, state),
		"no machine-id":       {Request: good.Request},
		"a coloured serial":   {Request: good.Request, MachineID: "one", Serial: "\x1b[31mS1"},
		"a long serial":       {Request: good.Request, MachineID: "one", Serial: strings.Repeat("a", 129)},
		"a name":              one.asks(t, x509.CertificateRequest{DNSNames: []string{"kubernetes"}}),
	} {
		_, err := b.answer(t.Context(), "192.0.2.9", ask)
		var stray *strayError
		if !errors.As(err, &stray) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found := b.Pending(); len(found) > 0 {
		t.Errorf("pending = %+v", found)
	}
}
