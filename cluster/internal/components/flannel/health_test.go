package flannel

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestReadyOnlyOnceTheNetworkIsThere(t *testing.T) {
	var h health
	ask := func(path string) int {
		recorder := httptest.NewRecorder()
		h.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Code
	}
	if got := ask("/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d while the network is made", got)
	}
	if got := ask("/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d while the network is made", got)
	}
	h.ready.Store(true)
	if got := ask("/readyz"); got != http.StatusOK {
		t.Errorf("/readyz answers %d when the network is there", got)
	}
}
