package apiproxy

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kedge/internal/apicache"
)

// controller answers as an API server does, as much as these tests ask; whatever
// the proxy does with a real one, the tests of whole clusters show.
type controller struct {
	address string // the same after it was away

	mu      sync.Mutex
	server  *httptest.Server
	uid     string
	version int
	maps    map[string]string // the namespace's ConfigMaps: name and content
	asked   []string
	bodies  map[string]string
	changed chan struct{}
	codes   map[string]int // what requests are refused with
}

func newController(t *testing.T) *controller {
	t.Helper()
	c := &controller{uid: "first", version: 10, maps: make(map[string]string), bodies: make(map[string]string), changed: make(chan struct{})}
	c.begin(t)
	t.Cleanup(c.end)
	return c
}

// begin answers at the same address as before.
func (c *controller) begin(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:"+portOf(c.address))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	_ = server.Listener.Close()
	server.Listener = listener
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.StartTLS()
	c.mu.Lock()
	c.server, c.address = server, listener.Addr().String()
	c.mu.Unlock()
}

func portOf(address string) string {
	if _, port, err := net.SplitHostPort(address); err == nil {
		return port
	}
	return "0"
}

// end ends it and all its connections.
func (c *controller) end() {
	c.mu.Lock()
	server := c.server
	c.mu.Unlock()
	server.CloseClientConnections()
	server.Config.Close()
	server.Listener.Close()
}

// set changes a ConfigMap; "" removes it.
func (c *controller) set(name, content string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.maps[name] = content
	if content == "" {
		delete(c.maps, name)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// refuse has requests refused; 0: not any more.
func (c *controller) refuse(request string, code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes = map[string]int{request: code}
}

func (c *controller) list() (core.ConfigMapList, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := core.ConfigMapList{
		TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "ConfigMapList"}, ListMeta: meta.ListMeta{ResourceVersion: fmt.Sprint(c.version)},
	}
	for name, content := range c.maps {
		list.Items = append(list.Items, core.ConfigMap{
			TypeMeta:   meta.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: meta.ObjectMeta{Namespace: "default", Name: name, ResourceVersion: fmt.Sprint(c.version)}, Data: map[string]string{"key": content},
		})
	}
	return list, c.changed
}

func (c *controller) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	c.asked = append(c.asked, r.Method+" "+r.URL.Path)
	c.bodies[r.Method+" "+r.URL.Path] = string(body)
	uid, code := c.uid, c.codes[r.Method+" "+r.URL.Path]
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case code != 0:
		w.WriteHeader(code)
	case r.URL.Path == identity:
		fmt.Fprintf(w, `{"kind":"Namespace","metadata":{"uid":%q}}`, uid)
	case r.URL.Path == "/api/v1/namespaces/default/configmaps" && r.URL.Query().Get("watch") == "true":
		c.watch(w, r)
	case r.URL.Path == "/api/v1/namespaces/default/configmaps":
		list, _ := c.list()
		_ = json.NewEncoder(w).Encode(list)
	case r.URL.Path == "/api/v1/nodes/edge1" || r.URL.Path == "/api/v1/nodes/edge1/status":
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"Node","metadata":{"name":"edge1","resourceVersion":"3"}}`)
	case r.URL.Path == "/api/v1/namespaces/default/serviceaccounts/default/token":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","metadata":{},"status":{"token":"a.b.c"}}`)
	default:
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	}
}

// watch tells what there is; a change ends it, as if its time were up.
func (c *controller) watch(w http.ResponseWriter, r *http.Request) {
	list, changed := c.list()
	send := func(kind string, object runtime.Object) {
		raw, _ := json.Marshal(object)
		_ = json.NewEncoder(w).Encode(meta.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: raw}})
	}
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		for at := range list.Items {
			send("ADDED", &list.Items[at])
		}
		send("BOOKMARK", &core.ConfigMap{
			TypeMeta:   meta.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: meta.ObjectMeta{ResourceVersion: list.ResourceVersion, Annotations: map[string]string{meta.InitialEventsAnnotationKey: "true"}},
		})
	}
	w.(http.Flusher).Flush()
	select {
	case <-r.Context().Done():
	case <-changed:
		send("ERROR", &meta.Status{TypeMeta: meta.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: http.StatusGone, Reason: meta.StatusReasonExpired})
	}
}

// node is a proxy, and how its components ask.
type node struct {
	*Proxy
	server *Server
	store  *apicache.Store
	client kubernetes.Interface
}

// newNode is a node whose disk is dir, from when kedge is started to the end of the test.
func newNode(t *testing.T, c *controller, dir string) *node {
	t.Helper()
	store, err := apicache.Open(filepath.Join(dir, "seen"), make([]byte, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := New(Options{
		Node: "edge1", Config: &rest.Config{Host: "https://" + c.address, TLSClientConfig: rest.TLSClientConfig{Insecure: true}},
		Store: store, Cluster: NewCluster(filepath.Join(dir, "uid")), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	ctx := t.Context()
	running.Go(func() { proxy.Run(ctx) })
	running.Go(func() { _ = server.Serve(ctx, proxy) })
	t.Cleanup(running.Wait)
	n := &node{Proxy: proxy, server: server, store: store}
	n.client = clientOf(t, n)
	until(t, "it is known whether the controller answers", func() bool { return proxy.Ready() == nil })
	return n
}

func clientOf(t *testing.T, n *node) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(n.config())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (n *node) config() *rest.Config {
	own := n.server.Credentials
	return &rest.Config{
		Host: "https://" + n.server.listener.Addr().String(), QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: own.CA, CertData: own.Certificate, KeyData: own.Key},
		ContentConfig:   rest.ContentConfig{AcceptContentTypes: "application/json", ContentType: "application/json"},
	}
}

// notice asks something, as components do all the time.
func (n *node) notice(t *testing.T) {
	t.Helper()
	_, _ = n.client.CoreV1().Nodes().Get(t.Context(), "edge1", meta.GetOptions{})
	until(t, "the end is noticed", func() bool { return !n.Now().Answers })
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for giveUp := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(giveUp) {
			t.Fatalf("it is not so that %s", what)
		}
	}
}
