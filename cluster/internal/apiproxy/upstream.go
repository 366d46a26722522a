package apiproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

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
	// config is how it is asked on a connection of its own.
	config *rest.Config
}

// newUpstream makes a client. Certificates that are renewed are followed.
func newUpstream(config *rest.Config) (*upstream, error) {
	server, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("the API server's address: %w", err)
	}
	dialer := connrotation.NewDialer((&net.Dialer{Timeout: probeTimeout, KeepAlive: keepAlive}).DialContext)
	own := rest.CopyConfig(config)
	own.Dial = dialer.DialContext
	transport, err := rest.TransportFor(own)
	if err != nil {
		return nil, fmt.Errorf("make a client of the API server: %w", err)
	}
	return &upstream{server: server, transport: transport, dialer: dialer, config: config}, nil
}

// hangUp ends all connections.
func (u *upstream) hangUp() { u.dialer.CloseAll() }

// maxIdentity bounds an answer that is small.
const maxIdentity = 1 << 20

// fetch asks on a connection of its own: one that exists may lead nowhere.
func (u *upstream) fetch(ctx context.Context, path string) ([]byte, error) {
	tls, err := rest.TLSConfigFor(u.config)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: tls, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.server.JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", u.config.UserAgent)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxIdentity))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the API server answers %q", response.Status)
	case len(answer) == maxIdentity:
		return nil, errors.New("the API server's answer is too long")
	}
	return answer, nil
}
