package controller

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	authorization "k8s.io/api/authorization/v1"

	"kedge/internal/layout"
	"kedge/internal/pki"
)

func TestTheAnswerIsAlwaysNo(t *testing.T) {
	places := layout.Layout{DataDir: t.TempDir(), RunDir: t.TempDir()}
	err := pki.Ensure(pki.Options{
		Layout: places, Addresses: []net.IP{net.IPv4(127, 0, 0, 1)}, Server: "https://127.0.0.1:1", Now: time.Now(),
		Log: slog.New(slog.DiscardHandler), Own: func(string, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := listenRefusal(places.Pair("server"))
	if err != nil {
		t.Fatal(err)
	}
	defer answers.serve()()
	authority, err := os.ReadFile(places.Certificate("ca"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	for question, code := range map[string]int{`{"kind":"SubjectAccessReview","spec":{"user":"system:node:a"}}`: http.StatusOK, "eve": http.StatusBadRequest} {
		answer, err := client.Post(answers.url(), "application/json", bytes.NewBufferString(question))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != code {
			t.Errorf("%s: %s", question, answer.Status)
		}
		var review authorization.SubjectAccessReview
		if code == http.StatusOK && (json.NewDecoder(answer.Body).Decode(&review) != nil || review.Status.Allowed || !review.Status.Denied) {
			t.Errorf("status = %+v", review.Status)
		}
	}
}
