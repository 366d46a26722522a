package apiproxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTimeout bounds how long a component may take to ask.
const headerTimeout = 10 * time.Second

// Credentials are what a component needs to be answered, in PEM. They are made
// anew whenever the proxy starts, and prove nothing elsewhere.
type Credentials struct{ CA, Certificate, Key []byte }

// Server is where the components ask.
type Server struct {
	Credentials Credentials
	listener    net.Listener
	config      *tls.Config
	log         *slog.Logger
}

// Listen makes a server that takes only those that have its credentials.
func Listen(address string, log *slog.Logger) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	own, config, err := newCredentials(net.ParseIP(host))
	if err != nil {
		return nil, fmt.Errorf("make the credentials of the node's components: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the node's components: %w", err)
	}
	return &Server{Credentials: own, listener: listener, config: config, log: log}, nil
}

// Serve answers until ctx ends, and returns when nobody is being answered.
func (s *Server) Serve(ctx context.Context, handler http.Handler) error {
	var answering sync.WaitGroup
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answering.Add(1)
			defer answering.Done()
			handler.ServeHTTP(w, r)
		}),
		TLSConfig: s.config, ReadHeaderTimeout: headerTimeout, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer answering.Wait()
	defer server.Close()
	defer stop()
	if err := server.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer the node's components: %w", err)
	}
	return nil
}

// newCredentials makes an authority that signs one server and one client, and is
// forgotten. Clocks of devices begin anywhere: what lives as long as the process
// is valid at all times.
func newCredentials(address net.IP) (Credentials, *tls.Config, error) {
	authority, err := newPair(&x509.Certificate{
		Subject: pkix.Name{CommonName: "kedge: a node's own components"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	if err != nil {
		return Credentials{}, nil, err
	}
	server, err := newPair(&x509.Certificate{
		Subject: pkix.Name{CommonName: "api-proxy"}, IPAddresses: []net.IP{address}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority)
	if err != nil {
		return Credentials{}, nil, err
	}
	client, err := newPair(&x509.Certificate{
		Subject: pkix.Name{CommonName: "node-component"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority)
	if err != nil {
		return Credentials{}, nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(authority.certificate)
	key, err := client.keyPEM()
	return Credentials{CA: authority.pem(), Certificate: client.pem(), Key: key}, &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.certificate.Raw}, PrivateKey: server.key}},
	}, err
}

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newPair makes one that by signs; nil: it signs itself.
func newPair(template *x509.Certificate, by *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	const serialBits = 120
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	template.NotBefore, template.NotAfter = time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if by == nil {
		by = &pair{template, key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &pair{certificate, key}, err
}

func (p *pair) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw})
}

func (p *pair) keyPEM() ([]byte, error) {
	encoded, err := x509.MarshalPKCS8PrivateKey(p.key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), err
}
