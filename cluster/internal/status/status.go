// Package status lets a running kedge tell how it is, through a socket that
// only its own user and root can open.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"kedge/internal/component"
	"kedge/internal/supervise"
)

// timeout bounds a question and its answer.
const timeout = 10 * time.Second

// Report is what a running kedge tells about itself.
type Report struct {
	Role       string `json:"role"`
	Version    string `json:"version"`
	Kubernetes string `json:"kubernetes"`
	PID        int    `json:"pid"`
	DataDir    string `json:"dataDir"`
	// Service says that a service manager started it, and would start it again.
	Service    bool        `json:"service"`
	Started    time.Time   `json:"started"`
	Ready      bool        `json:"ready"`
	Components []Component `json:"components"`
	// Server is where others reach the API server.
	Server string `json:"server"`
}

// Component is one part of the role; Process is missing for one that is none.
type Component struct {
	component.Status
	Process *supervise.Status `json:"process,omitempty"`
}

// Listen makes the socket. One that an earlier kedge left is replaced: the data
// directory's lock says that nobody listens there any more.
func Listen(socket string) (net.Listener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("make the status socket: %w", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("make the status socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("make the status socket: %w", err), listener.Close())
	}
	return listener, nil
}

// Serve answers until ctx ends.
func Serve(ctx context.Context, listener net.Listener, report func() Report) error {
	server := &http.Server{
		ReadTimeout: timeout, WriteTimeout: timeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(report()) // whoever asked is gone
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer on the status socket: %w", err)
	}
	return nil
}

// ErrNotRunning says that nobody answers.
var ErrNotRunning = errors.New("kedge is not running")

// Ask asks the kedge behind the socket.
func Ask(ctx context.Context, socket string) (Report, error) {
	var report Report
	client := http.Client{Timeout: timeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kedge/status", nil)
	if err != nil {
		return report, err
	}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, os.ErrPermission):
		return report, fmt.Errorf("ask kedge at %s: this user may not; run as the user that runs kedge", socket)
	case err != nil:
		return report, fmt.Errorf("%w: nobody answers at %s", ErrNotRunning, socket)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		return report, fmt.Errorf("read kedge's answer: %w", err)
	}
	return report, nil
}
