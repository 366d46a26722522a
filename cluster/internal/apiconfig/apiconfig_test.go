package apiconfig

import (
	"bytes"
	"path/filepath"
	"testing"

	"kedge/internal/golden"
)

// TestFiles compares whole files. With UPDATE_GOLDEN set it writes what the
// functions make now.
func TestFiles(t *testing.T) {
	for name, make := range map[string]func() ([]byte, error){
		"encryption":      func() ([]byte, error) { return Encryption(bytes.Repeat([]byte{7}, 32)) },
		"authentication":  Authentication,
		"egress-selector": func() ([]byte, error) { return EgressSelector("/run/kedge/konnectivity/server.sock") },
		"admission":       func() ([]byte, error) { return Admission([]string{"kube-system"}) },
		"audit":           Audit,
		"authorization":   func() ([]byte, error) { return Authorization(nil, "/run/kedge/kube-apiserver/refusal.conf") },
		"authorization-refusing": func() ([]byte, error) {
			return Authorization([]string{"field-1", "field-2.example"}, "/run/kedge/kube-apiserver/refusal.conf")
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := make()
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", name+".json"), string(got))
		})
	}
}
