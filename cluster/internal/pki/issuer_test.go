package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kedge/internal/layout"
)

// above is an authority whose key is not on the controller.
type above struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAbove signs a certificate of a new key; by nil: with that key itself.
func newAbove(t *testing.T, name string, pathLength int, by *above, ends time.Time) *above {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(pathLength) + 7), Subject: pkix.Name{CommonName: name}, NotBefore: beginning().Add(-day), NotAfter: ends,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, MaxPathLen: pathLength, MaxPathLenZero: pathLength == 0,
	}
	parent, signs := template, key
	if by != nil {
		parent, signs = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signs)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &above{certificate: certificate, key: key}
}

func (a *above) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// putIssuer replaces what signs for an authority.
func putIssuer(t *testing.T, l layout.Layout, name string, by *above) *above {
	t.Helper()
	issuer := newAbove(t, "issuer of "+name, 0, by, beginning().Add(1000*day))
	key, err := keyPEM(issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	pair := l.Issuer(name)
	if err := errors.Join(
		os.MkdirAll(filepath.Dir(pair.Key), 0o755), os.WriteFile(pair.Key, key, 0o600),
		os.WriteFile(pair.Certificate, issuer.pem(), 0o644), os.WriteFile(l.Certificate(name), by.pem(), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	return issuer
}

// issuedOptions are of a controller that has no authority's own key.
func issuedOptions(t *testing.T) (Options, map[string]*above) {
	t.Helper()
	options := testOptions(t)
	roots := make(map[string]*above)
	for _, a := range authorities() {
		roots[a.name] = newAbove(t, a.name, 1, nil, beginning().Add(10000*day))
		putIssuer(t, options.Layout, a.name, roots[a.name])
	}
	return options, roots
}

// TestWhoTrustsTheAuthorityAloneFollowsTheChain verifies as peers do that never
// heard of issuers: with what a TLS server or client sends.
func TestWhoTrustsTheAuthorityAloneFollowsTheChain(t *testing.T) {
	options, roots := issuedOptions(t)
	ensure(t, options)
	for _, l := range leaves() {
		pair := options.Layout.Pair(l.name)
		sent, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		between := x509.NewCertPool()
		for _, der := range sent.Certificate[1:] {
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			between.AddCert(certificate)
		}
		for name, root := range roots {
			pool := x509.NewCertPool()
			pool.AddCert(root.certificate)
			_, err := sent.Leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: options.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			if (err == nil) != (name == l.authority) {
				t.Errorf("%s with %s: %v", l.name, name, err)
			}
		}
	}
	for name := range roots {
		if !isAbsent(options.Layout.Pair(name).Key) {
			t.Errorf("a key was made for %s", name)
		}
	}
	if got := Issued(options.Layout); len(got) != len(authorities()) {
		t.Errorf("issued = %q", got)
	}
	before := contents(t, options)
	ensure(t, options)
	if got := changed(before, contents(t, options)); len(got) != 0 {
		t.Errorf("signed anew: %q", got)
	}
}

// TestWhatIsSignedOnRequestHasItsChain is about clients and agents.
func TestWhatIsSignedOnRequestHasItsChain(t *testing.T) {
	options, roots := issuedOptions(t)
	ensure(t, options)
	client, _, err := SignClient(options.Layout, Client{Name: "alice", Life: day}, options.Now)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := SignAgent(options.Layout, Agent{Node: "edge-1", Key: key.Public(), Life: day}, options.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{authorityUsers: client, authorityAgent: agent} {
		block, rest := pem.Decode(text)
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		pool, between := x509.NewCertPool(), x509.NewCertPool()
		pool.AddCert(roots[name].certificate)
		between.AppendCertsFromPEM(rest)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: options.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnotherIssuer replaces what a stolen controller had: leaves are signed
// anew, and what the old one signs is accepted no longer.
func TestAnotherIssuer(t *testing.T) {
	options, roots := issuedOptions(t)
	ensure(t, options)
	old, err := readCertificate(options.Layout.Issuer(authorityUsers).Certificate)
	if err != nil {
		t.Fatal(err)
	}
	before := contents(t, options)
	putIssuer(t, options.Layout, authorityUsers, roots[authorityUsers])
	ensure(t, options)
	var want []string
	for _, l := range leaves() {
		if l.authority == authorityUsers {
			want = append(want, l.name)
		}
	}
	if got := changed(before, contents(t, options)); !slices.Equal(got, want) {
		t.Errorf("signed anew: %q; want %q", got, want)
	}
	accepted, err := os.ReadFile(options.Layout.Accepted(authorityUsers))
	if err != nil {
		t.Fatal(err)
	}
	pool, between := x509.NewCertPool(), x509.NewCertPool()
	pool.AppendCertsFromPEM(accepted)
	between.AddCert(old)
	for name, want := range map[string]bool{before["admin.crt"]: false, contents(t, options)["admin.crt"]: true} {
		block, _ := pem.Decode([]byte(name))
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: options.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if (err == nil) != want {
			t.Errorf("a leaf of serial %s: %v", leaf.SerialNumber, err)
		}
	}
}

func TestWhoIsAccepted(t *testing.T) {
	options, _ := issuedOptions(t)
	enrols := newAbove(t, "enrol", 0, nil, beginning().Add(1000*day))
	if err := os.WriteFile(options.Layout.EnrolmentAuthority(), enrols.pem(), 0o644); err != nil {
		t.Fatal(err)
	}
	ensure(t, options)
	for authority, more := range map[string][]byte{authorityUsers: enrols.pem(), authorityKubelets: nil, authorityAgent: nil} {
		issuer, err := os.ReadFile(options.Layout.Issuer(authority).Certificate)
		if err != nil {
			t.Fatal(err)
		}
		want := string(issuer) + string(more)
		if got := contents(t, options)[authority+"-accepted.crt"]; got != want {
			t.Errorf("%s accepts\n%s\nwant\n%s", authority, got, want)
		}
	}
	own := testOptions(t)
	ensure(t, own)
	if all := contents(t, own); all["client-ca-accepted.crt"] != all["client-ca.crt"] {
		t.Error("without issuers more than the authority is accepted")
	}
}

func TestAnIssuerIsNeverMadeUp(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(t *testing.T, o Options, roots map[string]*above) error
		want   string
	}{
		"no key": {func(_ *testing.T, o Options, _ map[string]*above) error { return os.Remove(o.Layout.Issuer("ca").Key) }, "its other half"},
		"no certificate": {func(_ *testing.T, o Options, _ map[string]*above) error {
			return os.Remove(o.Layout.Issuer("ca").Certificate)
		}, "its other half"},
		"no authority": {func(_ *testing.T, o Options, _ map[string]*above) error { return os.Remove(o.Layout.Certificate("ca")) }, "ca.crt"},
		"a certificate alone": {func(_ *testing.T, o Options, _ map[string]*above) error {
			return errors.Join(os.Remove(o.Layout.Issuer("ca").Key), os.Remove(o.Layout.Certificate("ca")))
		}, "its other half"},
		"of another authority": {func(t *testing.T, o Options, _ map[string]*above) error {
			return os.WriteFile(o.Layout.Certificate("ca"), newAbove(t, "another", 1, nil, beginning().Add(day)).pem(), 0o644)
		}, "did not sign it"},
		"an authority without issuers": {func(t *testing.T, o Options, _ map[string]*above) error {
			putIssuer(t, o.Layout, "ca", newAbove(t, "narrow", 0, nil, beginning().Add(day)))
			return nil
		}, "path length"},
		"expired": {func(t *testing.T, o Options, _ map[string]*above) error {
			putIssuer(t, o.Layout, "ca", newAbove(t, "old", 1, nil, beginning().Add(-time.Hour)))
			return nil
		}, "expired on"},
	} {
		t.Run(name, func(t *testing.T) {
			options, roots := issuedOptions(t)
			ensure(t, options)
			if err := test.damage(t, options, roots); err != nil {
				t.Fatal(err)
			}
			before := contents(t, options)
			err := Ensure(options)
			var problem *Error
			if !errors.As(err, &problem) || !strings.Contains(err.Error(), test.want) || problem.Hint == "" {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if got := changed(before, contents(t, options)); len(got) != 0 || !isAbsent(options.Layout.Pair("ca").Key) {
				t.Errorf("signed all the same: %q", got)
			}
		})
	}
}
