package apiproxy

import (
	"bytes"
	"compress/gzip"
	"log/slog"
	"net/http"
	"testing"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

func TestPackedAnswersAreKept(t *testing.T) {
	t.Parallel()
	store, err := apicache.Open(t.TempDir(), make([]byte, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{log: slog.New(slog.DiscardHandler), store: store}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(`{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"a"}}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	q := question{method: http.MethodGet, path: "/api/v1/services", resource: "/api/v1 services"}
	seen := p.recorder(q, nil, &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
	})
	seen.arrive(packed.Bytes())
	seen.end()
	kept := store.Collection(q.listKey(apiwire.JSON))
	if state, complete := kept.State(); !complete || state.ResourceVersion != "9" || len(kept.Objects()) != 1 {
		t.Errorf("kept: %+v, %t", state, complete)
	}
}
