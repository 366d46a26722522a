package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kedge/internal/kubeconfig"
	"kedge/internal/layout"
)

const day = 24 * time.Hour

func beginning() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }

func testOptions(t *testing.T) Options {
	t.Helper()
	return Options{
		Layout: layout.Layout{DataDir: t.TempDir(), RunDir: "/run/kedge"},
		Names:  []string{"kubernetes", "cluster.example.com"}, Addresses: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP("2001:db8::1")},
		Server: "https://127.0.0.1:6443", Now: beginning(), Log: slog.New(slog.DiscardHandler),
		Own: func(string, string) error { return nil },
	}
}

func ensure(t *testing.T, options Options) {
	t.Helper()
	if err := Ensure(options); err != nil {
		t.Fatal(err)
	}
}

// contents are all files below the PKI's directory.
func contents(t *testing.T, options Options) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := fs.WalkDir(os.DirFS(options.Layout.PKI()), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(options.Layout.PKI(), name))
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// changed are the certificates that differ.
func changed(before, after map[string]string) []string {
	var names []string
	for _, l := range leaves() {
		if before[l.name+".crt"] != after[l.name+".crt"] {
			names = append(names, l.name)
		}
	}
	return names
}

func certificate(t *testing.T, options Options, name string) *x509.Certificate {
	t.Helper()
	found, err := readCertificate(options.Layout.Certificate(name))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEveryCertificateHasOnePurpose verifies each certificate against each
// authority, as client and as server.
func TestEveryCertificateHasOnePurpose(t *testing.T) {
	options := testOptions(t)
	ensure(t, options)
	for _, l := range leaves() {
		if group := certificate(t, options, l.name).Subject.Organization; (len(group) > 0) != (l.name == "admin") {
			t.Errorf("%s belongs to %v", l.name, group)
		}
		for _, a := range authorities() {
			for usage, name := range map[x509.ExtKeyUsage]string{x509.ExtKeyUsageClientAuth: "client", x509.ExtKeyUsageServerAuth: "server"} {
				pool := x509.NewCertPool()
				pool.AddCert(certificate(t, options, a.name))
				_, err := certificate(t, options, l.name).Verify(x509.VerifyOptions{Roots: pool, CurrentTime: options.Now, KeyUsages: []x509.ExtKeyUsage{usage}})
				purpose := purposes()[l.name]
				want := purpose[0] == a.name && slices.Contains(purpose[1:], name)
				if (err == nil) != want {
					t.Errorf("%s as a %s of %s: %v", l.name, name, a.name, err)
				}
			}
		}
	}
}

// purposes is what each certificate must be good for, and with whom, written out.
func purposes() map[string][]string {
	return map[string][]string{
		"server":                   {"ca", "server"},
		"konnectivity-server":      {"ca", "server"},
		"metrics-server":           {"client-ca", "client"},
		"metrics-server-agent":     {"konnectivity-ca", "client"},
		"metrics-server-serving":   {"ca", "server"},
		"admin":                    {"client-ca", "client"},
		"controller-manager":       {"client-ca", "client"},
		"scheduler":                {"client-ca", "client"},
		"apiserver-kubelet-client": {"client-ca", "client"},
		"front-proxy-client":       {"front-proxy-ca", "client"},
		"etcd/server":              {"etcd/ca", "server", "client"}, // its members are each other's clients
		"etcd/client":              {"etcd/ca", "client"},
	}
}

func TestNamesAreVerified(t *testing.T) {
	options := testOptions(t)
	ensure(t, options)
	for name, want := range map[string]bool{
		"kubernetes": true, "cluster.example.com": true, "127.0.0.1": true, "2001:db8::1": true, "other.example.com": false, "192.0.2.1": false,
	} {
		for _, served := range []string{"server", "konnectivity-server"} {
			if err := certificate(t, options, served).VerifyHostname(name); (err == nil) != want {
				t.Errorf("%s as %s: %v", served, name, err)
			}
		}
		if err := certificate(t, options, "etcd/server").VerifyHostname(name); (err == nil) != (name == "127.0.0.1") {
			t.Errorf("etcd as %s: %v", name, err)
		}
	}
}

func TestWhenCertificatesAreSignedAnew(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Options)
		want   int // of all certificates; -1: all
	}{
		"at once again":           {func(*Options) {}, 0},
		"with two thirds left":    {func(o *Options) { o.Now = o.Now.Add(120 * day) }, 0},
		"with a third left":       {func(o *Options) { o.Now = o.Now.Add(244 * day) }, -1},
		"expired for long":        {func(o *Options) { o.Now = o.Now.Add(3 * 365 * day) }, -1},
		"before they were signed": {func(o *Options) { o.Now = o.Now.Add(-30 * time.Minute) }, 0},
		"another name":            {func(o *Options) { o.Names = append(o.Names, "more.example.com") }, 2},
		"another address":         {func(o *Options) { o.Addresses = o.Addresses[:1] }, 2},
		"another authority": {func(o *Options) {
			if err := place(*o, beginning().Add(-day), beginning().Add(1000*day), true); err != nil {
				panic(err)
			}
		}, 3},
		"another API server's URL": {func(o *Options) { o.Server = "https://127.0.0.1:7443" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			options := testOptions(t)
			ensure(t, options)
			before := contents(t, options)
			test.change(&options)
			ensure(t, options)
			after := contents(t, options)
			want := test.want
			if want < 0 {
				want = len(leaves())
			}
			if got := changed(before, after); len(got) != want {
				t.Errorf("signed anew: %q; want %d", got, want)
			}
			for _, a := range authorities() {
				if name != "another authority" && before[a.name+".crt"] != after[a.name+".crt"] {
					t.Errorf("authority %s changed", a.name)
				}
			}
			if before["sa.key"] != after["sa.key"] {
				t.Error("the key of service accounts changed")
			}
			config, err := kubeconfig.Parse([]byte(after["admin.conf"]))
			if err != nil || string(config.Certificate) != after["admin.crt"] || config.Server != options.Server {
				t.Errorf("the administrator's kubeconfig is not current: %v", err)
			}
		})
	}
}

// TestDamagedLeavesAreMadeAgain: nobody but kedge needs what is in them.
func TestDamagedLeavesAreMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(l layout.Layout) error{
		"empty certificate": func(l layout.Layout) error { return os.Truncate(l.Certificate("server"), 0) },
		"no key":            func(l layout.Layout) error { return os.Remove(l.Pair("server").Key) },
		"another's key":     func(l layout.Layout) error { return copyFile(l.Pair("admin").Key, l.Pair("server").Key) },
		"another's pair": func(l layout.Layout) error {
			return errors.Join(copyFile(l.Pair("admin").Key, l.Pair("server").Key), copyFile(l.Certificate("admin"), l.Certificate("server")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := testOptions(t)
			ensure(t, options)
			before := contents(t, options)
			if err := damage(options.Layout); err != nil {
				t.Fatal(err)
			}
			ensure(t, options)
			if got := changed(before, contents(t, options)); len(got) != 1 || got[0] != "server" {
				t.Errorf("signed anew: %q", got)
			}
			if err := certificate(t, options, "server").CheckSignatureFrom(certificate(t, options, "ca")); err != nil {
				t.Error(err)
			}
		})
	}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

func TestModesAndOwners(t *testing.T) {
	options := testOptions(t)
	owners := make(map[string]string)
	options.Own = func(file, user string) error {
		name, err := filepath.Rel(options.Layout.PKI(), file)
		owners[name] = user
		return err
	}
	ensure(t, options)
	ensure(t, options) // now nothing is written to temporary names
	for name := range contents(t, options) {
		info, err := os.Stat(filepath.Join(options.Layout.PKI(), name))
		if err != nil {
			t.Fatal(err)
		}
		want := fs.FileMode(0o600)
		if filepath.Ext(name) == ".crt" {
			want = 0o644
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %s; want %s", name, info.Mode(), want)
		}
	}
	for name, want := range map[string]string{
		"ca.key": "", "admin.conf": "", "server.key": "kube-apiserver", "sa.key": "kube-apiserver", "client-ca.key": "kube-apiserver",
		"scheduler.conf": "kube-scheduler", "konnectivity-server.key": "konnectivity-server", "etcd/server.key": "etcd", "etcd/ca.key": "",
	} {
		if got, known := owners[name]; !known || got != want {
			t.Errorf("%s belongs to %q; want %q", name, got, want)
		}
	}
}

func TestSignClient(t *testing.T) {
	options := testOptions(t)
	ensure(t, options)
	text, key, err := SignClient(options.Layout, Client{Name: "alice", Groups: []string{"operators"}, Life: day}, options.Now)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	signed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if signed.Subject.String() != "CN=alice,O=operators" || !signed.NotAfter.Equal(options.Now.Add(day)) || !bytes.Contains(key, []byte("PRIVATE KEY")) {
		t.Errorf("certificate of %s until %s", signed.Subject, signed.NotAfter)
	}
	if err := signed.CheckSignatureFrom(certificate(t, options, "client-ca")); err != nil {
		t.Error(err)
	}
}

func TestSignAgent(t *testing.T) {
	options := testOptions(t)
	ensure(t, options)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for life, ends := range map[time.Duration]time.Time{day: options.Now.Add(day), 20 * 365 * day: certificate(t, options, "konnectivity-ca").NotAfter} {
		text, err := SignAgent(options.Layout, Agent{Node: "edge-1", Key: key.Public(), Life: life}, options.Now)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		signed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if signed.Subject.String() != "CN=edge-1" || !signed.NotAfter.Equal(ends) || !key.PublicKey.Equal(signed.PublicKey) {
			t.Errorf("certificate of %s until %s; want until %s", signed.Subject, signed.NotAfter, ends)
		}
		pool := x509.NewCertPool()
		pool.AddCert(certificate(t, options, "konnectivity-ca"))
		for usage, good := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageClientAuth: true, x509.ExtKeyUsageServerAuth: false} {
			_, err := signed.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: options.Now, KeyUsages: []x509.ExtKeyUsage{usage}})
			if (err == nil) != good {
				t.Errorf("with usage %v: %v", usage, err)
			}
		}
	}
}
