package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// TestAnAuthorityIsNeverReplaced: nodes and people trust it.
func TestAnAuthorityIsNeverReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(Options) error
		want   string // besides the file's name
	}{
		"no key":         {func(o Options) error { return os.Remove(o.Layout.Pair("ca").Key) }, "its other half"},
		"no certificate": {func(o Options) error { return os.Remove(o.Layout.Certificate("ca")) }, "its other half"},
		"empty":          {func(o Options) error { return os.Truncate(o.Layout.Certificate("ca"), 0) }, "not in PEM format"},
		"key of another": {func(o Options) error { return copyFile(o.Layout.Pair("client-ca").Key, o.Layout.Pair("ca").Key) }, "the key is not that of"},
		"key in the certificate's place": {func(o Options) error {
			return copyFile(o.Layout.Pair("ca").Key, o.Layout.Certificate("ca"))
		}, "ca.crt"},
		"no authority": {func(o Options) error {
			return errors.Join(copyFile(o.Layout.Certificate("server"), o.Layout.Certificate("ca")), copyFile(o.Layout.Pair("server").Key, o.Layout.Pair("ca").Key))
		}, "not an authority's"},
		"expired":       {func(o Options) error { return place(o, beginning().Add(-2*day), beginning().Add(-day), true) }, "expired on 2029-12-31"},
		"not valid yet": {func(o Options) error { return place(o, beginning().Add(day), beginning().Add(2*day), true) }, "is it right?"},
	} {
		t.Run(name, func(t *testing.T) {
			options := testOptions(t)
			ensure(t, options)
			if err := test.damage(options); err != nil {
				t.Fatal(err)
			}
			before := contents(t, options)
			err := Ensure(options)
			var problem *Error
			if !errors.As(err, &problem) || !strings.Contains(err.Error(), test.want) || problem.Hint == "" {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if got := changed(before, contents(t, options)); len(got) != 0 {
				t.Errorf("signed all the same: %q", got)
			}
		})
	}
}

// place puts an authority of the user's there.
func place(options Options, from, to time.Time, withECDSA bool) error {
	var public, private any
	if withECDSA {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			return err
		}
		public, private = key.Public(), key
	} else {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		public, private = key.Public(), key
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Example Corporation"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return err
	}
	key := &pem.Block{Type: "EC PRIVATE KEY"}
	switch private := private.(type) {
	case *rsa.PrivateKey:
		key = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}
	case *ecdsa.PrivateKey:
		if key.Bytes, err = x509.MarshalECPrivateKey(private); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(options.Layout.PKI(), 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(options.Layout.Certificate("ca"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(options.Layout.Pair("ca").Key, pem.EncodeToMemory(key), 0o600),
	)
}

func TestTheUsersAuthorityIsUsed(t *testing.T) {
	for name, withECDSA := range map[string]bool{"P-384": true, "RSA": false} {
		t.Run(name, func(t *testing.T) {
			options := testOptions(t)
			ends := beginning().Add(100 * day)
			if err := place(options, beginning().Add(-day), ends, withECDSA); err != nil {
				t.Fatal(err)
			}
			ensure(t, options)
			server := certificate(t, options, "server")
			if server.Issuer.CommonName != "Example Corporation" || !server.NotAfter.Equal(ends) {
				t.Errorf("signed by %s until %s", server.Issuer, server.NotAfter)
			}
			before := contents(t, options)
			ensure(t, options)
			if got := changed(before, contents(t, options)); len(got) != 0 {
				t.Errorf("signed anew: %q", got)
			}
		})
	}
}
