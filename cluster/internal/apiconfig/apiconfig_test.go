package apiconfig

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
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
	} {
		t.Run(name, func(t *testing.T) {
			got, err := make()
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".json")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not as in %s; UPDATE_GOLDEN=1 writes it anew:\n%s", name, golden, got)
			}
		})
	}
}
