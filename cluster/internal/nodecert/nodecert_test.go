package nodecert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// certificate writes one with its key that is valid for a day from a time on.
func certificate(t *testing.T, from time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "system:node:edge1"}, NotBefore: from, NotAfter: from.AddDate(0, 0, 1),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	content := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})...)
	file := filepath.Join(t.TempDir(), "node.pem")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestACertificateThatIsNotValidNow(t *testing.T) {
	for name, test := range map[string]struct {
		from time.Time
		want string // empty: it is valid
	}{
		"valid":         {now.Add(-time.Hour), ""},
		"expired":       {now.AddDate(0, 0, -2), "expired on 2026-11-27T12:00:00Z"},
		"not valid yet": {now.AddDate(1, 0, 0), "is valid from 2027-11-28T12:00:00Z, and this machine's clock says 2026-11-28T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			file := certificate(t, test.from)
			is, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			err = CheckTime(is, now)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("CheckTime = %v; want %q", err, test.want)
			}
			if err := Discard(now, file); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(file); os.IsNotExist(err) == (test.want == "") {
				t.Errorf("after Discard: %v", err)
			}
		})
	}
}

func TestDiscardLeavesWhatItCannotRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.pem")
	if err := Discard(now, file); err != nil {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(file, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Discard(now, file); err != nil {
		t.Errorf("a file that is none: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a file that cannot be read is gone: %v", err)
	}
}

func TestANodesNameIsItsOwn(t *testing.T) {
	is, err := Load(certificate(t, now))
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckName(is, "edge1"); err != nil {
		t.Error(err)
	}
	if err := CheckName(is, "edge2"); err == nil || !strings.Contains(err.Error(), `"edge1" of its cluster, not "edge2"`) {
		t.Errorf("another node's: %v", err)
	}
}
