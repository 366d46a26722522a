package fleet

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"kedge/internal/enrolment"
	"kedge/internal/pending"
)

const (
	// readTime and writeTime end whoever is slow; a certificate is waited for meanwhile.
	readTime, writeTime = 5 * time.Second, 15 * time.Second
	maxHeader           = 4 << 10
	// period is how often it is looked whether devices may ask.
	period = 2 * time.Second
	// busyAgain is when a device asks again that was not heard.
	busyAgain = 10 * time.Second
)

// Run works until ctx ends: it listens while devices may ask.
func (g *Gate) Run(ctx context.Context) error {
	told := ""
	for ctx.Err() == nil {
		list, err := g.options.List()
		if err == nil && list.IsOpen {
			err = g.open(ctx)
		}
		if err != nil && ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			g.options.Log.Error("devices with a fleet's card are not answered", "error", err)
		}
		pause(ctx)
	}
	return nil
}

// open answers devices, knowing what the cluster keeps of them, until they may
// not ask any more. A list that cannot be read changes nothing of that.
func (g *Gate) open(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	synced, following := make(chan struct{}), make(chan error, 1)
	go func() { following <- g.known.follow(ctx, g.options.Client, func() { close(synced) }) }()
	defer func() { end(); <-following }()
	select {
	case err := <-following:
		following <- err
		return err
	case <-synced:
	}
	stop, err := g.listen(ctx)
	if err != nil {
		return err
	}
	defer stop()
	g.options.Log.Info("devices with a fleet's card may ask", "address", g.options.Address)
	for ctx.Err() == nil {
		if list, err := g.options.List(); err == nil && !list.IsOpen {
			g.options.Log.Info("devices with a fleet's card may not ask any more")
			return nil
		}
		pause(ctx)
	}
	return nil
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(period):
	}
}

// listen answers until the function that it returns is called.
func (g *Gate) listen(ctx context.Context) (func(), error) {
	listener, err := net.Listen("tcp", g.options.Address)
	if err != nil {
		return nil, err
	}
	questions := http.NewServeMux()
	questions.HandleFunc("POST "+enrolment.AskPath, g.serve)
	server := &http.Server{
		Handler: questions, ReadTimeout: readTime, WriteTimeout: writeTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		// What strangers do wrong is no news.
		ErrorLog: log.New(nowhere{}, "", 0),
		// One question for each connection, by the simplest protocol.
		TLSNextProto: make(map[string]func(*http.Server, *tls.Conn, http.Handler)),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS13,
			// Read anew: it is signed anew while kedge runs.
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				pair, err := tls.LoadX509KeyPair(g.options.Certificate, g.options.Key)
				return &pair, err
			},
		},
	}
	server.SetKeepAlivesEnabled(false)
	go func() { _ = server.ServeTLS(narrowed(listener), "", "") }() // it ends when it is closed
	return func() { _ = server.Close() }, nil
}

type nowhere struct{}

func (nowhere) Write(line []byte) (int, error) { return len(line), nil }

func (g *Gate) serve(w http.ResponseWriter, request *http.Request) {
	address, _, err := net.SplitHostPort(request.RemoteAddr)
	if err != nil || !g.limits.admit(address) {
		tell(w, http.StatusTooManyRequests, enrolment.Answer{Reason: "too many ask", AgainSeconds: int(busyAgain / time.Second)})
		return
	}
	var ask enrolment.Ask
	if err := json.NewDecoder(http.MaxBytesReader(w, request.Body, enrolment.MaxAsk)).Decode(&ask); err != nil {
		tell(w, http.StatusBadRequest, enrolment.Answer{Reason: "it is no question of a device"})
		return
	}
	answer, err := g.answer(request.Context(), address, ask)
	var stray *strayError
	switch {
	case err == nil:
		tell(w, http.StatusOK, answer)
	case errors.As(err, &stray):
		tell(w, http.StatusForbidden, enrolment.Answer{Reason: stray.Error()})
	case errors.Is(err, pending.ErrFull), errors.Is(err, errOften), errors.Is(err, errUnsent):
		tell(w, http.StatusServiceUnavailable, enrolment.Answer{Reason: err.Error(), AgainSeconds: int(busyAgain / time.Second)})
	default:
		// What is wrong within is the operator's to know.
		g.options.Log.Warn("a device cannot be answered", "address", address, "error", err)
		tell(w, http.StatusServiceUnavailable, enrolment.Answer{Reason: "the controller cannot decide now; its log says why", AgainSeconds: int(busyAgain / time.Second)})
	}
}

func tell(w http.ResponseWriter, code int, answer enrolment.Answer) {
	w.Header().Set("Content-Type", "application/json")
	if answer.AgainSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(answer.AgainSeconds))
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // whoever asked is gone
}
