package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"kedge/internal/argv"
	"kedge/internal/role"
)

const (
	// contactTimeout bounds a question of a pod.
	contactTimeout = 5 * time.Second
	// maxAsking is how many may ask at once: any pod can, as often as it likes, and
	// kedge must not run out of files.
	maxAsking = 64
)

// Contact is what pods are told: what a node asks or why nobody answers is not
// their concern.
type Contact struct {
	Contact bool      `json:"contact"`
	Since   time.Time `json:"since,omitzero"`
}

// contact tells pods whether the node hears of its controller, at the address
// that every node has itself: http://kubernetes.default.svc:10266/contact.
func (w *Worker) contact() *role.Task {
	return role.NewTask(contact, func(ctx context.Context) error {
		address, err := w.current().APIAddress()
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(address.String(), strconv.Itoa(argv.ContactPort)))
		if err != nil {
			return fmt.Errorf("tell pods of the contact: %w", err)
		}
		return tellContact(ctx, listener, w.contactNow)
	})
}

// tellContact answers until ctx ends.
func tellContact(ctx context.Context, listener net.Listener, now func() Contact) error {
	questions := http.NewServeMux()
	questions.HandleFunc("GET /contact", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(answer).Encode(now()) // who asked is gone
	})
	var asking atomic.Int32
	server := &http.Server{
		Handler: questions, ReadTimeout: contactTimeout, WriteTimeout: contactTimeout, MaxHeaderBytes: 4 << 10,
		ConnState: func(connection net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if asking.Add(1) > maxAsking {
					_ = connection.Close() // and the server notices
				}
			case http.StateClosed:
				asking.Add(-1)
			}
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("tell pods of the contact: %w", err)
	}
	return nil
}

func (w *Worker) contactNow() Contact {
	if w.current().Direct {
		return Contact{Contact: true}
	}
	running := w.asked.Load()
	if running == nil {
		return Contact{}
	}
	now := running.Now()
	return Contact{Contact: now.Answers, Since: now.Since}
}
