package artifacts

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyNodesAreServedAndOnlyFiles(t *testing.T) {
	place := t.TempDir()
	s := Server{Dir: filepath.Join(place, "artifacts"), Refused: filepath.Join(place, "refused")}
	for file, content := range map[string]string{filepath.Join(s.Dir, "kedge"): "0123456789", s.Refused: "stolen\n", filepath.Join(place, "secret"): "s"} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(s.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	node := pkix.Name{CommonName: "system:node:edge1", Organization: []string{"system:nodes"}}
	for name, test := range map[string]struct {
		who  *pkix.Name
		path string
		code int
		body string
	}{
		"a node":            {&node, "/kedge", http.StatusPartialContent, "456"},
		"no certificate":    {nil, "/kedge", http.StatusForbidden, ""},
		"the admin":         {&pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}, "/kedge", http.StatusForbidden, ""},
		"a name alone":      {&pkix.Name{CommonName: "system:node:edge1"}, "/kedge", http.StatusForbidden, ""},
		"a revoked node":    {&pkix.Name{CommonName: "system:node:stolen", Organization: node.Organization}, "/kedge", http.StatusForbidden, ""},
		"above":             {&node, "/../secret", http.StatusNotFound, ""},
		"by a link":         {&node, "/link", http.StatusNotFound, ""},
		"the directory":     {&node, "/", http.StatusNotFound, ""},
		"what is not there": {&node, "/absent", http.StatusNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "https://controller/", http.NoBody)
			request.URL.Path = test.path
			request.Header.Set("Range", "bytes=4-6")
			request.TLS = &tls.ConnectionState{}
			if test.who != nil {
				request.TLS.PeerCertificates = []*x509.Certificate{{Subject: *test.who}}
			}
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, request)
			if answer.Code != test.code || test.body != "" && answer.Body.String() != test.body {
				t.Errorf("%d %q; want %d %q", answer.Code, answer.Body, test.code, test.body)
			}
			if test.code == http.StatusPartialContent && answer.Header().Get("ETag") == "" {
				t.Error("nothing tells this file from a later one")
			}
		})
	}
}
