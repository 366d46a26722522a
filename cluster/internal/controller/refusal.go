package controller

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	authorization "k8s.io/api/authorization/v1"

	"kedge/internal/argv"
	"kedge/internal/layout"
)

const (
	// longestQuestion is more than the API server asks about one request.
	longestQuestion = 1 << 20
	questionTimeout = 5 * time.Second
)

// refusal answers the API server's questions about refused nodes: always no. It
// tells nobody anything, so that anybody on this machine may ask.
type refusal struct {
	listener net.Listener
	pair     layout.Pair
}

func listenRefusal(pair layout.Pair) (*refusal, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(argv.Loopback, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for the API server's questions: %w", err)
	}
	return &refusal{listener, pair}, nil
}

func (r *refusal) url() string { return "https://" + r.listener.Addr().String() }

// serve answers until the function that it returns is called.
func (r *refusal) serve() func() {
	server := &http.Server{
		ReadTimeout: questionTimeout, WriteTimeout: questionTimeout, Handler: http.HandlerFunc(refuse),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// Read anew: it is signed anew while kedge runs.
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				pair, err := tls.LoadX509KeyPair(r.pair.Certificate, r.pair.Key)
				return &pair, err
			},
		},
	}
	go func() { _ = server.ServeTLS(r.listener, "", "") }() // it ends when it is closed
	return func() { _ = server.Close() }
}

func refuse(w http.ResponseWriter, request *http.Request) {
	var review authorization.SubjectAccessReview
	if err := json.NewDecoder(io.LimitReader(request.Body, longestQuestion)).Decode(&review); err != nil {
		http.Error(w, "it is no SubjectAccessReview", http.StatusBadRequest)
		return
	}
	review.Status = authorization.SubjectAccessReviewStatus{Denied: true, Reason: "the node was revoked"}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review) // whoever asked is gone
}
