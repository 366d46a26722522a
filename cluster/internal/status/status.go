// Package status lets a running kedge tell how it is, through a socket that
// only its own user and root can open.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"kedge/internal/component"
	"kedge/internal/pending"
	"kedge/internal/supervise"
)

// timeout bounds a question and its answer.
const timeout = 10 * time.Second

// Where a running kedge answers what.
const (
	statusPath = "/status"
	logPath    = "/log"
)

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
	// Node is of a role that has one.
	Node *Node `json:"node,omitempty"`
	// Pending are the devices that ask this controller to be approved.
	Pending []pending.Device `json:"pending,omitempty"`
}

// Node is what a worker knows of its cluster, and for how long.
type Node struct {
	// Direct says that the controller is on this machine: there is no contact to lose.
	Direct bool `json:"direct,omitempty"`
	// Contact says that the controller answers; since Since. Zero: it is not known yet.
	Contact bool      `json:"contact"`
	Since   time.Time `json:"since,omitzero"`
	// Problem is why it does not.
	Problem string `json:"problem,omitempty"`
	// Seen is what is told in its place.
	Seen         Seen          `json:"seen"`
	Certificates []Certificate `json:"certificates"`
}

// Seen is what the node keeps of what it has seen of its cluster.
type Seen struct {
	Objects int `json:"objects"`
	// Lost is how many could not be read since kedge was started.
	Lost int `json:"lost"`
	// Problem is why nothing new is kept.
	Problem string `json:"problem,omitempty"`
}

// Certificate is one of the node's.
type Certificate struct {
	Name string    `json:"name"`
	Ends time.Time `json:"ends"`
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

// Answers are what a running kedge tells.
type Answers struct {
	Report func() Report
	// Log is the end of its log.
	Log func() []byte
}

// Serve answers until ctx ends.
func Serve(ctx context.Context, listener net.Listener, answers Answers) error {
	questions := http.NewServeMux()
	questions.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answers.Report()) // whoever asked is gone
	})
	questions.HandleFunc("GET "+logPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(answers.Log())
	})
	server := &http.Server{ReadTimeout: timeout, WriteTimeout: timeout, Handler: questions}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer on the status socket: %w", err)
	}
	return nil
}

// ErrNotRunning says that nobody answers.
var ErrNotRunning = errors.New("kedge is not running")

// Ask asks the kedge behind the socket how it is.
func Ask(ctx context.Context, socket string) (Report, error) {
	var report Report
	answer, err := ask(ctx, socket, statusPath)
	if err != nil {
		return report, err
	}
	if err := json.Unmarshal(answer, &report); err != nil {
		return report, fmt.Errorf("read kedge's answer: %w", err)
	}
	return report, nil
}

// Log asks for the end of its log.
func Log(ctx context.Context, socket string) ([]byte, error) { return ask(ctx, socket, logPath) }

func ask(ctx context.Context, socket, path string) ([]byte, error) {
	client := http.Client{Timeout: timeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kedge"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("ask kedge at %s: this user may not; run as the user that runs kedge", socket)
	case err != nil:
		return nil, fmt.Errorf("%w: nobody answers at %s", ErrNotRunning, socket)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read kedge's answer: %w", err)
	}
	return answer, nil
}
