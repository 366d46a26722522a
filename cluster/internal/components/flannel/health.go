package flannel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"
)

const (
	// readTimeout bounds how long a probe may take to send its request.
	readTimeout = 5 * time.Second
	// shutdownTimeout is for probes that are under way when the daemon ends.
	shutdownTimeout = 3 * time.Second
)

// health answers probes: /healthz as long as the process lives, /readyz once
// the network is there.
type health struct {
	listener net.Listener // nil: nobody asked for it
	ready    atomic.Bool
}

// listen takes the port at once, so that one that is not free is an error.
func listen(opts options) (*health, error) {
	if opts.healthzPort == 0 {
		return &health{}, nil
	}
	address := net.JoinHostPort(opts.healthzIP, strconv.Itoa(opts.healthzPort))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--healthz-ip and --healthz-port: %w", err)
	}
	return &health{listener: listener}, nil
}

// serve answers until ctx ends.
func (h *health) serve(ctx context.Context) {
	if h.listener == nil {
		return
	}
	server := &http.Server{Handler: h.handler(), ReadHeaderTimeout: readTimeout}
	ended := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(patience); err != nil {
			klog.Warningf("Could not end the health server in order: %v", err)
		}
	})
	defer ended()
	if err := server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
		klog.Errorf("The health server ended: %v", err)
	}
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "flanneld is running")
	})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !h.ready.Load() {
			http.Error(w, "flanneld is not ready yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "flanneld is ready")
	})
	return mux
}
