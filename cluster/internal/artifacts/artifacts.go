// Package artifacts serves what nodes are to run out of a directory of the
// controller's: to nodes of the cluster, and to nobody else.
package artifacts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"kedge/internal/nodecert"
)

const (
	// period is how often it is looked whether there is a directory.
	period = 2 * time.Second
	// headerTime ends whoever does not say what it wants; files take as long as they take.
	headerTime, idleTime = 10 * time.Second, 30 * time.Second
	maxHeader            = 8 << 10
	nodes                = "system:nodes"
)

// Server serves a directory while it is there.
type Server struct {
	Dir, Address string
	// Certificate and Key are files of the API server's; Clients are the authorities
	// whose certificates nodes have.
	Certificate, Key, Clients string
	// Refused has the names of nodes that were revoked, one in each line.
	Refused string
	Log     *slog.Logger
}

// Run works until ctx ends: it listens while there is a directory.
func (s Server) Run(ctx context.Context) error {
	told := ""
	for ctx.Err() == nil {
		if s.isWanted() {
			if err := s.serve(ctx); err != nil && err.Error() != told {
				told = err.Error()
				s.Log.Error("nodes get no artifacts", "error", err)
			}
		}
		pause(ctx)
	}
	return nil
}

func (s Server) isWanted() bool {
	info, err := os.Stat(s.Dir)
	return err == nil && info.IsDir()
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(period):
	}
}

// serve answers until ctx ends or the directory is gone.
func (s Server) serve(ctx context.Context) error {
	server := &http.Server{
		Addr: s.Address, Handler: s, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:  log.New(io.Discard, "", 0), // what strangers do wrong is no news
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.tls() }},
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServeTLS("", "") }()
	defer server.Close()
	s.Log.Info("nodes get artifacts", "directory", s.Dir, "address", s.Address)
	for ctx.Err() == nil && s.isWanted() {
		select {
		case err := <-ended:
			return err
		default:
			pause(ctx)
		}
	}
	return nil
}

// tls reads anew who is who: certificates are signed anew while kedge runs.
func (s Server) tls() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
	clients, errClients := os.ReadFile(s.Clients)
	if err := errors.Join(err, errClients); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(clients) {
		return nil, fmt.Errorf("%s has no certificate", s.Clients)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, nil
}

// ServeHTTP gives one file to a node, or parts of it.
func (s Server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if why := s.refusal(request); why != "" {
		http.Error(w, why, http.StatusForbidden)
		return
	}
	name := strings.TrimPrefix(request.URL.Path, "/")
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		http.NotFound(w, request)
		return
	}
	defer root.Close()
	file, err := root.Open(name)
	if err != nil {
		http.NotFound(w, request)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, request)
		return
	}
	// By which a line that broke goes on only with the same file.
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, request, "", info.ModTime(), file)
}

// refusal is why somebody gets nothing; empty: it is a node.
func (s Server) refusal(request *http.Request) string {
	if request.TLS == nil || len(request.TLS.PeerCertificates) == 0 {
		return "only nodes are served"
	}
	is := request.TLS.PeerCertificates[0].Subject
	node, isNode := strings.CutPrefix(is.CommonName, nodecert.UserPrefix)
	if !isNode || !slices.Contains(is.Organization, nodes) {
		return "only nodes are served"
	}
	refused, err := os.ReadFile(s.Refused)
	if err != nil || slices.Contains(strings.Split(string(refused), "\n"), node) {
		return "the node was revoked, or nobody can tell"
	}
	return ""
}
