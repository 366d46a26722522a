package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kedge/internal/layout"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func testOptions(t *testing.T) Options {
	t.Helper()
	return Options{
		Layout: layout.Layout{DataDir: t.TempDir()}, Names: []string{"kubernetes", "controller.example"},
		Addresses: []net.IP{net.IPv4(192, 0, 2, 10)}, Server: "https://127.0.0.1:6443", Now: noon,
		Log: slog.New(slog.DiscardHandler), Own: func(string, string) error { return nil },
	}
}

// contents are all files below the directory of certificates.
func contents(t *testing.T, o Options) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	err := filepath.WalkDir(o.Layout.PKI(), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func ensured(t *testing.T, o Options) map[string][]byte {
	t.Helper()
	if err := Ensure(o); err != nil {
		t.Fatal(err)
	}
	return contents(t, o)
}

// TestCertificatesOverTime says which of them are signed anew when.
func TestCertificatesOverTime(t *testing.T) {
	for name, test := range map[string]struct {
		later time.Duration
		want  bool // that leaves are signed anew
	}{
		"at once":                      {0, false},
		"after half a year":            {180 * day, false},
		"with a third of life left":    {250 * day, true},
		"switched off for over a year": {400 * day, true},
		"clock set back":               {-2 * day, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			if test.later < 0 { // the authorities are older than that
				o.Now = noon.Add(-30 * day)
				ensured(t, o)
				o.Now = noon
				for _, l := range leaves() {
					if err := os.Remove(o.Layout.Certificate(l.name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := ensured(t, o)
			o.Now = noon.Add(test.later)
			after := ensured(t, o)
			for _, l := range leaves() {
				file := o.Layout.Certificate(l.name)
				if anew := !bytes.Equal(before[file], after[file]); anew != test.want {
					t.Errorf("%s signed anew: %t; want %t", l.name, anew, test.want)
				}
				verify(t, o, l, l.authority, true)
			}
			for _, a := range authorities() {
				if file := o.Layout.Certificate(a.name); !bytes.Equal(before[file], after[file]) {
					t.Errorf("authority %s is another", a.name)
				}
			}
			if file := o.Layout.ServiceAccountKey(); !bytes.Equal(before[file], after[file]) {
				t.Error("the key of service accounts is another")
			}
		})
	}
}

func verify(t *testing.T, o Options, l leaf, authority string, want bool) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(contents(t, o)[o.Layout.Certificate(authority)])
	pair, err := readPair(o.Layout.Pair(l.name))
	if err != nil {
		t.Fatal(err)
	}
	_, err = pair.certificate.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: o.Now, KeyUsages: l.usages[:1]})
	if (err == nil) != want {
		t.Errorf("%s below %s: %v", l.name, authority, err)
	}
}

func TestCertificateIsGoodForOnePurpose(t *testing.T) {
	o := testOptions(t)
	ensured(t, o)
	for _, l := range leaves() {
		for _, a := range authorities() {
			verify(t, o, l, a.name, a.name == l.authority)
		}
	}
	for _, l := range leaves() {
		pair, err := readPair(o.Layout.Pair(l.name))
		if err != nil {
			t.Fatal(err)
		}
		if group := pair.certificate.Subject.Organization; (len(group) > 0) != (l.name == "admin") {
			t.Errorf("%s belongs to %v", l.name, group)
		}
	}
}

func TestKeysAreNobodyElses(t *testing.T) {
	o := testOptions(t)
	for file := range ensured(t, o) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if secret := filepath.Ext(file) != ".crt"; secret && info.Mode().Perm() != modeKey {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
}

func TestOtherNamesAreSignedAnew(t *testing.T) {
	o := testOptions(t)
	before := ensured(t, o)
	o.Addresses = append(o.Addresses, net.IPv4(192, 0, 2, 11))
	after := ensured(t, o)
	for _, l := range leaves() {
		file := o.Layout.Certificate(l.name)
		if anew := !bytes.Equal(before[file], after[file]); anew != l.served {
			t.Errorf("%s signed anew: %t", l.name, anew)
		}
	}
}

func TestUsersAuthorityIsUsed(t *testing.T) {
	users := testOptions(t)
	ensured(t, users)
	o := testOptions(t)
	pair, theirs := o.Layout.Pair(authorityAPI), users.Layout.Pair(authorityAPI)
	copyFile(t, theirs.Certificate, pair.Certificate)
	copyFile(t, theirs.Key, pair.Key)
	after := ensured(t, o)
	if !bytes.Equal(after[pair.Certificate], contents(t, users)[theirs.Certificate]) {
		t.Error("the user's authority was replaced")
	}
	verify(t, o, leaves()[0], authorityAPI, true)
}

func TestBadAuthorities(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, o *Options)
		file  string
		want  string
	}{
		"key of another": {
			func(t *testing.T, o *Options) { copyFile(t, o.Layout.Pair("client-ca").Key, o.Layout.Pair("ca").Key) },
			"ca.key", "the key is not that of",
		},
		"key missing": {
			func(t *testing.T, o *Options) { remove(t, o.Layout.Pair("ca").Key) }, "ca.key", "its other half is there",
		},
		"certificate missing": {
			func(t *testing.T, o *Options) { remove(t, o.Layout.Certificate("ca")) }, "ca.crt", "its other half is there",
		},
		"not PEM": {
			func(t *testing.T, o *Options) { copyFile(t, os.Args[0], o.Layout.Certificate("ca")) }, "ca.crt", "not in PEM format",
		},
		"no authority": {
			func(t *testing.T, o *Options) {
				copyFile(t, o.Layout.Pair("server").Certificate, o.Layout.Certificate("ca"))
				copyFile(t, o.Layout.Pair("server").Key, o.Layout.Pair("ca").Key)
			}, "ca.crt", "not an authority's",
		},
		"expired": {
			func(_ *testing.T, o *Options) { o.Now = noon.Add(11 * 365 * day) }, "ca.crt", "expired on 2036-11-23",
		},
		"not valid yet": {
			func(_ *testing.T, o *Options) { o.Now = noon.Add(-365 * day) }, "ca.crt", "is it right?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			ensured(t, o)
			test.spoil(t, &o)
			before := contents(t, o)
			err := Ensure(o)
			var problem *Error
			if !errors.As(err, &problem) || filepath.Base(problem.File) != test.file || !strings.Contains(err.Error(), test.want) || problem.Hint == "" {
				t.Errorf("error = %v; want one about %s: %s", err, test.file, test.want)
			}
			for file, content := range contents(t, o) {
				if !bytes.Equal(content, before[file]) {
					t.Errorf("%s was changed", file)
				}
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
