package fleet

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
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/fake"

	"kedge/internal/enrolment"
	"kedge/internal/fleetlist"
	"kedge/internal/revocation"
)

// pair is a certificate for this machine and its key, as files; and who trusts it.
func pair(t *testing.T) (certificate, key string, trusts *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "a"}, SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	trusts = x509.NewCertPool()
	certificate, key = filepath.Join(t.TempDir(), "a.crt"), filepath.Join(t.TempDir(), "a.key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		trusts.AppendCertsFromPEM(pem.EncodeToMemory(block))
	}
	return certificate, key, trusts
}

// freeAddress is one where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestDevicesMayAskWhileTheOperatorSaysSo(t *testing.T) {
	certificate, key, trusts := pair(t)
	list := filepath.Join(t.TempDir(), "fleet.json")
	gate := New(Options{
		Client: fake.NewClientset(), Address: freeAddress(t), Certificate: certificate, Key: key, Log: slog.New(slog.DiscardHandler),
		List:    func() (fleetlist.List, error) { return fleetlist.Read(list) },
		Revoked: func() (revocation.List, error) { return revocation.List{}, nil },
	})
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- gate.Run(ctx) }()
	ask := newDevice(t, "one", "S1").asks(t, state)
	asked := func() error {
		answer, err := enrolment.Post(t.Context(), gate.options.Address, trusts, ask)
		if err == nil && answer.State != enrolment.Pending {
			t.Errorf("answer = %+v", answer)
		}
		return err
	}
	if err := asked(); err == nil {
		t.Fatal("somebody answers before anybody may ask")
	}
	for _, step := range []struct {
		content string
		isOpen  bool
	}{{`{"format":1,"open":true}`, true}, {`{"format":1,"open":false}`, false}, {`{"format":1,"open":true}`, true}} {
		if err := os.WriteFile(list, []byte(step.content), 0o600); err != nil {
			t.Fatal(err)
		}
		for (asked() == nil) != step.isOpen {
			time.Sleep(50 * time.Millisecond)
		}
	}
	if _, err := enrolment.Post(t.Context(), gate.options.Address, x509.NewCertPool(), ask); err == nil {
		t.Error("a device believes whoever answers")
	}
	end()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if err := asked(); err == nil {
		t.Error("somebody answers after the end")
	}
}

func TestStrangersAreBounded(t *testing.T) {
	l := newLimits()
	heard := 0
	for range 10 * perAddressOnce {
		if l.admit("stranger") {
			heard++
		}
	}
	if heard < perAddressOnce || heard > 2*perAddressOnce {
		t.Errorf("a stranger was heard %d times", heard)
	}
	if !l.admit("home") {
		t.Error("others are not heard")
	}
	for i := range 3 * addresses {
		l.admit(strings.Repeat("a", i))
	}
	if len(l.each) > addresses {
		t.Errorf("%d addresses are remembered", len(l.each))
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := narrowed(inner)
	accepted := make(chan net.Conn, 2*connections)
	ended := make(chan error, 1)
	go func() {
		for {
			one, err := listener.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- one
		}
	}()
	for range connections + 1 {
		one, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer one.Close()
	}
	first := <-accepted
	for range connections - 1 {
		<-accepted
	}
	select {
	case <-accepted:
		t.Fatalf("more than %d connections are open", connections)
	case <-time.After(100 * time.Millisecond):
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	<-accepted
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v", err)
	}
}

func TestWhatIsSpoken(t *testing.T) {
	certificate, key, trusts := pair(t)
	gate := New(Options{Client: fake.NewClientset(), Address: freeAddress(t), Certificate: certificate, Key: key, Log: slog.New(slog.DiscardHandler)})
	stop, err := gate.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if one, err := tls.Dial("tcp", gate.options.Address, &tls.Config{RootCAs: trusts, MaxVersion: tls.VersionTLS12, MinVersion: tls.VersionTLS12}); err == nil {
		one.Close()
		t.Error("an old TLS is spoken")
	}
	one, err := tls.Dial("tcp", gate.options.Address, &tls.Config{RootCAs: trusts, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if protocol := one.ConnectionState().NegotiatedProtocol; protocol == "h2" {
		t.Error("HTTP/2 is spoken")
	}
	if _, err := io.WriteString(one, "GET /v1/enrolment HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(one) // to the end: there is no second question
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 405 ") {
		t.Errorf("answer = %q, %v", answer, err)
	}
}
