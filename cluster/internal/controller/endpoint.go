package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"

	"kedge/internal/component"
	"kedge/internal/role"
)

// endpoint tells pods where the API server is: the slice behind the service
// "kubernetes". Every node has the service's address itself, and passes on what
// comes to it: the controller's own address may mean another machine, or nothing,
// in the network that a pod sees. The API server would write its own address,
// every ten seconds.
type endpoint struct {
	address netip.Addr
	port    int
	ask     func(ctx context.Context, method, path, contentType string, body []byte) error
	told    bool
}

var _ component.Component = (*endpoint)(nil)

const slicePath = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes?fieldManager=kedge&force=true"

func (e *endpoint) Name() string { return "kubernetes-endpoint" }

func (e *endpoint) Init(context.Context) error { return nil }

func (e *endpoint) Start(context.Context) error { return nil }

// Ready tells; it is asked again as long as the API server refuses.
func (e *endpoint) Ready(ctx context.Context) error {
	if e.told {
		return nil
	}
	body, err := json.Marshal(e.slice())
	if err != nil {
		return err
	}
	if err := e.ask(ctx, http.MethodPatch, slicePath, "application/apply-patch+yaml", body); err != nil {
		return err
	}
	e.told = true
	return nil
}

func (e *endpoint) Stop(context.Context) error { return nil }

func (e *endpoint) slice() map[string]any {
	family := "IPv4"
	if e.address.Is6() {
		family = "IPv6"
	}
	return map[string]any{
		"apiVersion": "discovery.k8s.io/v1",
		"kind":       "EndpointSlice",
		"metadata": map[string]any{
			"name": "kubernetes", "namespace": "default",
			"labels": map[string]any{"kubernetes.io/service-name": "kubernetes"},
		},
		"addressType": family,
		"endpoints":   []any{map[string]any{"addresses": []any{e.address.String()}, "conditions": map[string]any{"ready": true}}},
		"ports":       []any{map[string]any{"name": "https", "port": e.port, "protocol": "TCP"}},
	}
}

// asAdmin sends a request to the API server.
func (p *plane) asAdmin(ctx context.Context, method, path, contentType string, body []byte) error {
	_, err := role.Ask(ctx, p.adminTLS(), func() (*http.Request, error) {
		request, err := http.NewRequestWithContext(ctx, method, p.server()+path, bytes.NewReader(body))
		if err == nil {
			request.Header.Set("Content-Type", contentType)
		}
		return request, err
	})
	return err
}
