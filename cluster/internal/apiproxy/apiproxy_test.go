package apiproxy

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	authentication "k8s.io/api/authentication/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	listers "k8s.io/client-go/listers/core/v1"
)

// component follows the ConfigMaps as a node's components do.
func component(t *testing.T, n *node) listers.ConfigMapNamespaceLister {
	t.Helper()
	factory := informers.NewSharedInformerFactoryWithOptions(n.client, 0, informers.WithNamespace("default"))
	lister := factory.Core().V1().ConfigMaps().Lister()
	stop := make(chan struct{})
	factory.Start(stop)
	t.Cleanup(func() { close(stop); factory.Shutdown() })
	for _, synced := range factory.WaitForCacheSync(t.Context().Done()) {
		if !synced {
			t.Fatal("it has not seen everything")
		}
	}
	return lister.ConfigMaps("default")
}

func has(lister listers.ConfigMapNamespaceLister, name, content string) bool {
	found, err := lister.Get(name)
	return err == nil && found.Data["key"] == content
}

func TestComponentsDoNotMissTheController(t *testing.T) {
	t.Parallel()
	c, dir := newController(t), t.TempDir()
	c.set("a", "one")
	n := newNode(t, c, dir)
	running := component(t, n)
	c.set("b", "two")
	until(t, "a change is told", func() bool { return has(running, "b", "two") })
	c.end()
	until(t, "the end is noticed", func() bool { return !n.Now().Answers })
	if n.Now().Problem == "" {
		t.Error("nobody says why")
	}
	started := component(t, n) // while nobody answers
	if !has(started, "a", "one") || !has(started, "b", "two") {
		t.Error("it does not know what was seen")
	}
	again := component(t, newNode(t, c, dir)) // after kedge was started anew
	if !has(again, "a", "one") || !has(again, "b", "two") {
		t.Error("it does not know what was seen before")
	}
	c.set("a", "")
	c.set("c", "three")
	c.begin(t)
	for _, each := range []listers.ConfigMapNamespaceLister{running, started, again} {
		until(t, "what is new is told", func() bool { return has(each, "c", "three") })
		if _, err := each.Get("a"); !apierrors.IsNotFound(err) {
			t.Errorf("what was deleted meanwhile is still there: %v", err)
		}
	}
}

func TestAControllerOutOfAnOldBackupIsBelieved(t *testing.T) {
	t.Parallel()
	c := newController(t)
	c.set("a", "new")
	n := newNode(t, c, t.TempDir())
	running := component(t, n)
	c.end()
	until(t, "the end is noticed", func() bool { return !n.Now().Answers })
	c.version = 3
	c.maps = map[string]string{"a": "old"}
	c.begin(t)
	until(t, "what is old is told", func() bool { return has(running, "a", "old") })
	c.end()
	until(t, "the end is noticed", func() bool { return !n.Now().Answers })
	if !has(component(t, n), "a", "old") {
		t.Error("it was not kept")
	}
}

// One that has lost its data would have all pods ended.
func TestAControllerWithAnotherDatabaseIsNotFollowed(t *testing.T) {
	t.Parallel()
	c := newController(t)
	c.set("a", "one")
	n := newNode(t, c, t.TempDir())
	running := component(t, n)
	c.end()
	until(t, "the end is noticed", func() bool { return !n.Now().Answers })
	c.uid, c.maps = "second", nil
	c.begin(t)
	until(t, "it is noticed", func() bool { return strings.Contains(n.Now().Problem, "another database") })
	if n.Now().Answers || !has(running, "a", "one") || !has(component(t, n), "a", "one") {
		t.Error("the node follows it")
	}
}

func TestOnlyTheNodesComponentsAreAnswered(t *testing.T) {
	t.Parallel()
	n := newNode(t, newController(t), t.TempDir())
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(n.server.Credentials.CA)
	stranger, _, err := newCredentials(net.IPv6loopback)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := tls.X509KeyPair(stranger.Certificate, stranger.Key)
	if err != nil {
		t.Fatal(err)
	}
	for who, certificates := range map[string][]tls.Certificate{"nobody": nil, "a stranger": {foreign}} {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, Certificates: certificates}}}
		if response, err := client.Get(n.config().Host + "/api/v1/namespaces/default/configmaps"); err == nil {
			response.Body.Close()
			t.Errorf("%s is answered: %s", who, response.Status)
		}
	}
}

func TestWhoAsksIsTheNodeAndNobodyElse(t *testing.T) {
	passed := askedWith(http.Header{
		"Authorization": {"Bearer x"}, "Impersonate-User": {"admin"}, "Impersonate-Extra-Scopes": {"x"}, "Accept": {"application/json"}, "Accept-Encoding": {"gzip"},
	})
	if len(passed) != 1 || passed.Get("Accept") == "" {
		t.Errorf("passed on: %v", passed)
	}
}

func TestWritesWithoutAController(t *testing.T) {
	t.Parallel()
	c := newController(t)
	n := newNode(t, c, t.TempDir())
	ctx, client := t.Context(), n.client
	if _, err := client.CoreV1().Nodes().Get(ctx, "edge1", meta.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{Audiences: []string{"one"}}}
	if _, err := client.CoreV1().ServiceAccounts("default").CreateToken(ctx, "default", request, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "both are kept", func() bool { return n.Seen().Objects == 2 })
	c.end()
	n.notice(t)

	begin := time.Now()
	_, err := client.CoreV1().ConfigMaps("default").Create(ctx, &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "x"}}, meta.CreateOptions{})
	if !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), "the controller does not answer since") {
		t.Errorf("a write: %v", err)
	}
	if _, err := client.CoreV1().Secrets("default").Get(ctx, "never-seen", meta.GetOptions{}); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("what was never seen: %v", err)
	}
	if _, err := client.CoreV1().Nodes().Create(ctx, &core.Node{ObjectMeta: meta.ObjectMeta{Name: "edge1"}}, meta.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a registration: %v", err)
	}
	if _, err := client.CoreV1().Events("default").Create(ctx, &core.Event{ObjectMeta: meta.ObjectMeta{Name: "e", Namespace: "default"}}, meta.CreateOptions{}); err != nil {
		t.Errorf("an event: %v", err)
	}
	leases := client.CoordinationV1().Leases("kube-node-lease")
	if _, err := leases.Get(ctx, "edge1", meta.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a lease: %v", err)
	}
	lease := &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: "edge1", Namespace: "kube-node-lease"}}
	_, errMade := leases.Create(ctx, lease, meta.CreateOptions{})
	_, errRenewed := leases.Update(ctx, lease, meta.UpdateOptions{})
	if errMade != nil || errRenewed != nil {
		t.Errorf("a lease: %v, %v", errMade, errRenewed)
	}
	if _, err := client.CoordinationV1().Leases("default").Update(ctx, lease, meta.UpdateOptions{}); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("who leads others believes that it still does: %v", err)
	}
	token, err := client.CoreV1().ServiceAccounts("default").CreateToken(ctx, "default", request, meta.CreateOptions{})
	if err != nil || token.Status.Token != "a.b.c" {
		t.Errorf("a token: %v, %v", token, err)
	}
	request.Spec.Audiences[0] = "another"
	if _, err := client.CoreV1().ServiceAccounts("default").CreateToken(ctx, "default", request, meta.CreateOptions{}); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("a token for another audience: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAnnotationsOfTheNodeAreSentLater(t *testing.T) {
	t.Parallel()
	c := newController(t)
	n := newNode(t, c, t.TempDir())
	nodes := n.client.CoreV1().Nodes()
	if _, err := nodes.Get(t.Context(), "edge1", meta.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "it is kept", func() bool { return n.Seen().Objects == 1 })
	c.end()
	n.notice(t)
	for _, patch := range []string{`{"metadata":{"annotations":{"network":"here"}}}`, `{"status":{"conditions":[]}}`} {
		told, err := nodes.Patch(t.Context(), "edge1", types.StrategicMergePatchType, []byte(patch), meta.PatchOptions{}, "status")
		if err != nil || told.Name != "edge1" {
			t.Fatalf("%v, %v", told, err)
		}
	}
	c.begin(t)
	until(t, "the controller answers", func() bool { return n.Now().Answers })
	c.mu.Lock()
	defer c.mu.Unlock()
	const asked = "PATCH /api/v1/nodes/edge1/status"
	if c.bodies[asked] != `{"metadata":{"annotations":{"network":"here"}}}` {
		t.Errorf("sent: %q", c.bodies[asked])
	}
}

func TestQuestions(t *testing.T) {
	for target, want := range map[string]question{
		"/api/v1/pods?fieldSelector=spec.nodeName%3Dedge1": {resource: "/api/v1 pods"},
		"/api/v1/namespaces/a/secrets?watch=true":          {resource: "/api/v1 secrets", namespace: "a", watch: true},
		"/api/v1/namespaces/a/pods/b/status":               {resource: "/api/v1 pods", namespace: "a", name: "b", subresource: "status"},
		"/api/v1/namespaces/a":                             {resource: "/api/v1 namespaces", name: "a"},
		"/api/v1/namespaces":                               {resource: "/api/v1 namespaces"},
		"/apis/storage.k8s.io/v1/csinodes/edge1":           {resource: csiNodes, name: "edge1"},
		"/api/v1/watch/pods":                               {},
		"/version":                                         {},
		"/apis/apps/v1":                                    {},
		"/":                                                {},
	} {
		r, err := http.NewRequest(http.MethodGet, "https://node"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := parse(r)
		if got.resource != want.resource || got.namespace != want.namespace || got.name != want.name || got.subresource != want.subresource || got.watch != want.watch {
			t.Errorf("%s = %+v", target, got)
		}
	}
}
