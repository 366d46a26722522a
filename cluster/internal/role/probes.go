package role

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

	"kedge/internal/layout"
)

// Probe is nil when something serves.
type Probe = func(context.Context) error

// ClientTLS is how one presents oneself to a server of this cluster.
func ClientTLS(authority string, own layout.Pair) func() (*tls.Config, error) {
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

// SelfSigned is for components that make a certificate for themselves at every
// start. They are on this machine and are told nothing.
func SelfSigned() (*tls.Config, error) {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, nil //nolint:gosec // see above
}

// Answers asks a URL that says "ok".
func Answers(url string, config func() (*tls.Config, error)) Probe {
	return func(ctx context.Context) error {
		_, err := Ask(ctx, config, func() (*http.Request, error) {
			return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		})
		return err
	}
}

// Ask sends one request over a connection of its own.
func Ask(ctx context.Context, config func() (*tls.Config, error), request func() (*http.Request, error)) ([]byte, error) {
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
