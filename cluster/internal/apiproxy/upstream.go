package apiproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// keepAlive finds connections whose other end is gone, as client-go does.
const keepAlive = 30 * time.Second

// upstream is the API server.
type upstream struct {
	server    *url.URL
	transport http.RoundTripper
	dialer    *connrotation.Dialer
}

// newUpstream makes a client. Certificates that are renewed are followed. Nothing
// is said on a connection before check, which begins when it is there, has found
// who answers: another controller may have taken the address a moment ago.
func newUpstream(config *rest.Config, check func(context.Context) error) (*upstream, error) {
	server, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("the API server's address: %w", err)
	}
	plain := &net.Dialer{Timeout: probeTimeout, KeepAlive: keepAlive}
	dialer := connrotation.NewDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := plain.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		checking, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		if err := check(checking); err != nil {
			return nil, errors.Join(err, connection.Close())
		}
		return connection, nil
	})
	own := rest.CopyConfig(config)
	own.Dial = dialer.DialContext
	transport, err := rest.TransportFor(own)
	if err != nil {
		return nil, fmt.Errorf("make a client of the API server: %w", err)
	}
	return &upstream{server: server, transport: transport, dialer: dialer}, nil
}

// hangUp ends all connections.
func (u *upstream) hangUp() { u.dialer.CloseAll() }

// maxIdentity bounds an answer that is small.
const maxIdentity = 1 << 20

// fetch asks on a connection of its own: one that exists may lead nowhere.
func fetch(ctx context.Context, config *rest.Config, path string) ([]byte, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: tls, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment} // as other clients do
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(config.Host, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", config.UserAgent)
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxIdentity))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, apierrors.NewGenericServerResponse(
			response.StatusCode, request.Method, schema.GroupResource{}, path, "the API server answers "+response.Status, 0, true)
	case len(answer) == maxIdentity:
		return nil, errors.New("the API server's answer is too long")
	}
	return answer, nil
}
