package apiproxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

// list asks the node for the ConfigMaps.
func (n *node) list(t *testing.T) (*core.ConfigMapList, error) {
	t.Helper()
	return n.client.CoreV1().ConfigMaps("default").List(t.Context(), meta.ListOptions{})
}

// isSentToList says that a watch from this version is not begun.
func (n *node) isSentToList(t *testing.T, version string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	told, err := n.client.CoreV1().ConfigMaps("default").Watch(ctx, meta.ListOptions{ResourceVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Stop()
	event, is := <-told.ResultChan()
	return is && event.Type == watch.Error && apierrors.IsResourceExpired(apierrors.FromObject(event.Object))
}

// The address may be another controller's before anybody has noticed that the
// former one is away. Nothing of that may be told: pods would be ended by it.
func TestAControllerThatIsReplacedInAMomentIsNotFollowed(t *testing.T) {
	t.Parallel()
	c := newController(t)
	c.set("a", "one")
	n := newNode(t, c, t.TempDir())
	running := component(t, n)
	c.end()
	c.mu.Lock()
	c.uid, c.maps = "second", nil
	c.mu.Unlock()
	c.begin(t)
	until(t, "it is noticed", func() bool {
		if told, err := n.list(t); err == nil && len(told.Items) != 1 {
			t.Fatalf("%d objects are told", len(told.Items))
		}
		return strings.Contains(n.Now().Problem, "another database")
	})
	if n.Now().Answers || !has(running, "a", "one") {
		t.Error("the node follows it")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := slices.Compact(slices.Sorted(slices.Values(c.asked[len(c.asked)-2:]))); !slices.Equal(last, []string{"GET " + identity}) {
		t.Errorf("it was asked: %q", last)
	}
}

func TestWhatWasToldWithoutTheControllerIsNoGroundForAWatch(t *testing.T) {
	t.Parallel()
	c := newController(t)
	c.set("a", "one")
	n := newNode(t, c, t.TempDir())
	before, err := n.list(t)
	if err != nil || n.isSentToList(t, before.ResourceVersion) {
		t.Fatalf("a watch after a list is not begun; %v", err)
	}
	until(t, "it is kept", func() bool { return n.Seen().Objects == 1 })
	c.end()
	n.notice(t)
	told, err := n.list(t)
	if err != nil || told.ResourceVersion != before.ResourceVersion {
		t.Fatalf("told: %+v, %v", told, err)
	}
	c.set("a", "") // which a watch from that version would never tell, if the controller came out of a backup
	c.begin(t)
	until(t, "the controller answers", func() bool { return n.Now().Answers })
	if !n.isSentToList(t, told.ResourceVersion) {
		t.Error("a watch stands on what the node told by itself")
	}
	if n.isSentToList(t, told.ResourceVersion) {
		t.Error("it is sent away again and again")
	}
}

func TestAWatchWhoseChangesWereNotKeptListsAnew(t *testing.T) {
	t.Parallel()
	c := newController(t)
	c.set("a", "one")
	n := newNode(t, c, t.TempDir())
	told, err := n.list(t)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it is kept", func() bool { return n.Seen().Objects == 1 })
	n.store.Collection(apicache.Key{Path: "/api/v1/namespaces/default/configmaps", Format: apiwire.JSON}).Miss()
	if !n.isSentToList(t, told.ResourceVersion) {
		t.Error("what is missing is never told")
	}
	if n.isSentToList(t, told.ResourceVersion) {
		t.Error("it is sent away again and again")
	}
}

func TestWhatWasToldAMomentAgoIsToldAgain(t *testing.T) {
	t.Parallel()
	c := newController(t)
	n := newNode(t, c, t.TempDir())
	c.set("a", "one")
	if _, err := n.list(t); err != nil {
		t.Fatal(err)
	}
	c.end()
	if told, err := n.list(t); err != nil || len(told.Items) != 1 {
		t.Errorf("%v, %v", told, err)
	}
}

func TestAnObjectThatIsGoneIsNotTold(t *testing.T) {
	t.Parallel()
	c := newController(t)
	n := newNode(t, c, t.TempDir())
	nodes := n.client.CoreV1().Nodes()
	if _, err := nodes.Get(t.Context(), "edge1", meta.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "it is kept", func() bool { return n.Seen().Objects == 1 })
	c.refuse("GET /api/v1/nodes/edge1", http.StatusNotFound)
	if _, err := nodes.Get(t.Context(), "edge1", meta.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("%v", err)
	}
	until(t, "it is forgotten", func() bool { return n.Seen().Objects == 0 })
}

func TestAnswersOfAnotherFormAreNotKept(t *testing.T) {
	for accept, want := range map[string]bool{
		"application/json": true,
		"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1":         false,
		"application/json; as=Table; g=meta.k8s.io; v=v1, application/json":        false,
		"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata,application": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/pods", nil)
		r.Header.Set("Accept", accept)
		p := &Proxy{log: slog.New(slog.DiscardHandler), store: newStore(t)}
		// The API server does not say in the content type what it tells instead.
		kept := p.recorder(parse(r), nil, &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}})
		if _, isNothing := kept.(nothing); isNothing == want {
			t.Errorf("%s is kept: %t", accept, !isNothing)
		}
	}
}

func TestQuestionsThatAreNotUnderstoodAreNotKept(t *testing.T) {
	for target, want := range map[string]bool{
		"/api/v1/pods?fieldSelector=a&limit=500&resourceVersion=0": true,
		"/api/v1/pods?watch=true&allowWatchBookmarks=true":         true,
		"/api/v1/pods?shardSelector=half":                          false,
	} {
		if got := parse(httptest.NewRequest(http.MethodGet, target, nil)).isKept(); got != want {
			t.Errorf("%s: %t", target, got)
		}
	}
}

func newStore(t *testing.T) *apicache.Store {
	t.Helper()
	store, err := apicache.Open(t.TempDir(), make([]byte, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// A watch may have been read before the controller went that answers no more.
func TestWhatAFormerControllerToldIsNotKept(t *testing.T) {
	p := &Proxy{log: slog.New(slog.DiscardHandler), store: newStore(t), keeping: newQueue()}
	q := question{method: http.MethodGet, path: "/api/v1/pods", resource: "/api/v1 pods"}
	watched := p.newWatcher(q, apiwire.JSON, false, func(err error) { t.Error(err) })
	list := p.recorder(q, nil, &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}})
	list.arrive([]byte(`{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[]}`))
	p.store.NewEra()
	watched.arrive([]byte(`{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"9"}}}` + "\n"))
	(<-p.keeping.pending)()
	list.end()
	kept := p.store.Collection(q.listKey(apiwire.JSON))
	if _, complete := kept.State(); complete || len(kept.Objects()) != 0 {
		t.Error("it is kept")
	}
}

func TestAnAnswerThatIsTooLongTakesNoMemory(t *testing.T) {
	var failure error
	k := &whole{failed: func(err error) { failure = err }, keep: func([]byte) error { t.Error("it is kept"); return nil }}
	for range maxKept/(1<<20) + 2 {
		k.arrive(make([]byte, 1<<20))
	}
	if k.content != nil {
		t.Errorf("%d bytes are held", len(k.content))
	}
	if k.end(); !errors.Is(failure, errTooLong) {
		t.Errorf("failure = %v", failure)
	}
}

func TestChangesOfTheNodeAreSentInTheirOrder(t *testing.T) {
	d := &deferred{}
	for _, body := range []string{"a", "b", "a"} {
		d.add(later{path: "/node", body: []byte(body)})
	}
	var order string
	for _, each := range d.patches {
		order += string(each.body)
	}
	if order != "ba" {
		t.Errorf("order %q: the node ends up as it was in between", order)
	}
}

// An API server that has just begun refuses for a moment what it takes later.
func TestAChangeOfTheNodeIsSentUntilItIsTaken(t *testing.T) {
	t.Parallel()
	c := newController(t)
	n := newNode(t, c, t.TempDir())
	const patching = "PATCH /api/v1/nodes/edge1"
	c.refuse(patching, http.StatusServiceUnavailable)
	n.deferred.add(later{path: "/api/v1/nodes/edge1", header: http.Header{}, body: []byte("{}")})
	asked := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(slices.DeleteFunc(slices.Clone(c.asked), func(each string) bool { return each != patching }))
	}
	until(t, "it is sent", func() bool { return asked() > 0 })
	c.refuse(patching, 0)
	until(t, "it is taken", func() bool { _, is := n.deferred.first(); return !is })
	if asked() != 2 {
		t.Errorf("it was sent %d times", asked())
	}
}

func TestServingEndsWhenNobodyIsAnswered(t *testing.T) {
	t.Parallel()
	server, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{server: server}
	ctx, cancel := context.WithCancel(t.Context())
	begun, ended, done := make(chan struct{}), false, make(chan error)
	go func() {
		done <- server.Serve(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			time.Sleep(100 * time.Millisecond) // what was told is kept
			ended = true
		}))
	}()
	go func() { _, _ = clientOf(t, n).CoreV1().Nodes().Get(ctx, "edge1", meta.GetOptions{}) }()
	<-begun
	cancel()
	if err := <-done; err != nil || !ended {
		t.Errorf("somebody is still answered; %v", err)
	}
}
