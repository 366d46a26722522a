package enrolment

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// file is a credential as it lies on a card.
func file(t *testing.T, subject pkix.Name) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{Subject: subject, SerialNumber: big.NewInt(0x1f2e)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})...)
}

func field1() pkix.Name {
	return pkix.Name{CommonName: "kedge:enrol:field-1", Organization: []string{"kedge:enrolling"}}
}

func TestACredentialTellsItsNode(t *testing.T) {
	content := file(t, field1())
	credential, err := ParseCredential(content)
	if err != nil {
		t.Fatal(err)
	}
	if credential.Node != "field-1" {
		t.Errorf("node = %q", credential.Node)
	}
	if joined := append(bytes.Clone(credential.Certificate), credential.Key...); !bytes.Equal(joined, content) {
		t.Errorf("the parts are not the whole:\n%s", joined)
	}
	is, err := ParseCertificate(credential.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if Serial(is) != "1f2e" {
		t.Errorf("serial = %q", Serial(is))
	}
}

func TestWhatIsNoCredentialIsRefusedWithoutRepeatingIt(t *testing.T) {
	whole := file(t, field1())
	begin := bytes.Index(whole, []byte("-----BEGIN EC"))
	other := file(t, field1())
	for name, test := range map[string]struct {
		content []byte
		told    string
	}{
		"nothing":              {nil, "was it cut?"},
		"a cut one":            {whole[:len(whole)-30], "was it cut?"},
		"no key":               {whole[:begin], "was it cut?"},
		"another's key":        {append(bytes.Clone(whole[:begin]), other[bytes.Index(other, []byte("-----BEGIN EC")):]...), "private key does not match"},
		"a node's certificate": {file(t, pkix.Name{CommonName: "system:node:field-1", Organization: []string{"system:nodes"}}), "no credential to join with"},
		"another group":        {file(t, pkix.Name{CommonName: "kedge:enrol:field-1", Organization: []string{"system:masters"}}), "no credential to join with"},
		"no node":              {file(t, pkix.Name{CommonName: "kedge:enrol:", Organization: []string{"kedge:enrolling"}}), "no credential to join with"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCredential(test.content)
			if err == nil || !strings.Contains(err.Error(), test.told) || strings.Contains(err.Error(), "-----") {
				t.Errorf("error = %v; want %q", err, test.told)
			}
		})
	}
}

func TestCertificatesStandAlone(t *testing.T) {
	whole := file(t, field1())
	if _, err := ParseCertificate(whole); err == nil {
		t.Error("a certificate with a key behind it was taken")
	}
	if _, err := ParseCertificate([]byte("eve")); err == nil {
		t.Error("a word was taken for a certificate")
	}
}
