package controller

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"kedge/internal/layout"
)

// probe is nil when something serves.
type probe = func(context.Context) error

// firstKey is written by the API server when a cluster begins, and never removed.
const firstKey = "/registry/namespaces/kube-system"

// store is a client of what keeps the state: kine or etcd.
type store struct {
	endpoint string
	tls      func() (*tls.Config, error)
}

// has asks whether a key is there. Every call connects anew: the server may
// have been started again, with other certificates.
func (s store) has(ctx context.Context, key string) (bool, error) {
	config := clientv3.Config{Endpoints: []string{s.endpoint}, Context: ctx, Logger: zap.NewNop()}
	if s.tls != nil {
		var err error
		if config.TLS, err = s.tls(); err != nil {
			return false, err
		}
	}
	client, err := clientv3.New(config)
	if err != nil {
		return false, fmt.Errorf("connect to the store at %s: %w", s.endpoint, err)
	}
	defer client.Close()
	response, err := client.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("read from the store at %s: %w", s.endpoint, err)
	}
	return len(response.Kvs) > 0, nil
}

// probe reads a key, which needs the database behind the store.
func (s store) probe(ctx context.Context) error {
	if socket, ok := strings.CutPrefix(s.endpoint, "unix://"); ok {
		if _, err := os.Stat(socket); err != nil {
			return err // the client would wait a second before it looks again
		}
	}
	const patience = 5 * time.Second
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.has(asking, firstKey)
	return err
}

// clientTLS is how one presents oneself to a server of this control plane.
func clientTLS(authority string, own layout.Pair) func() (*tls.Config, error) {
	return func() (*tls.Config, error) {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", authority)
		}
		certificate, err := tls.LoadX509KeyPair(own.Certificate, own.Key)
		if err != nil {
			return nil, err
		}
		return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
	}
}

// selfSigned is for components that make a certificate for themselves at every
// start. They are on this machine and are told nothing.
func selfSigned() (*tls.Config, error) {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, nil //nolint:gosec // see above
}

// answers asks a URL that says "ok".
func answers(url string, config func() (*tls.Config, error)) probe {
	return func(ctx context.Context) error {
		_, err := ask(ctx, config, func() (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		})
		return err
	}
}

// ask sends one request over a connection of its own.
func ask(ctx context.Context, config func() (*tls.Config, error), request func() (*http.Request, error)) ([]byte, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if config != nil {
		var err error
		if transport.TLSClientConfig, err = config(); err != nil {
			return nil, err
		}
	}
	question, err := request()
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(question)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	const enough = 64 << 10
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, errors.New(question.URL.Path + " answers " + response.Status + ": " + brief(string(body)))
	}
	return body, nil
}

// brief leaves what is wrong of a long list of checks.
func brief(body string) string {
	var wrong []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "[-]") {
			wrong = append(wrong, strings.TrimSpace(line))
		}
	}
	if len(wrong) > 0 {
		return strings.Join(wrong, "; ")
	}
	const length = 200
	return strings.TrimSpace(body[:min(len(body), length)])
}
