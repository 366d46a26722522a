package firstboot

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// machine is a device in one directory, and its card in another.
type machine struct {
	t      *testing.T
	device Device
	card   *Card
	// host is its name; ran are the programs that were started; writes is how often the card was written to.
	host   string
	ran    []string
	writes int
	// now is what its clock says.
	now time.Time
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, now: time.Unix(1<<31, 0)}
	m.device = Device{
		Root:        t.TempDir(),
		SetHostName: func(name string) error { m.host = name; return nil },
		Now:         func() time.Time { return m.now },
		SetClock:    func(to time.Time) error { m.now = to; return nil },
		Run: func(_ context.Context, argv ...string) error {
			m.ran = append(m.ran, strings.Join(argv, " "))
			return nil
		},
	}
	m.card = &Card{Dir: t.TempDir(), Writable: func(change func() error) error { m.writes++; return change() }}
	content, err := os.ReadFile("../../../overlays/kedge/usr/lib/device/distribution.json")
	if err != nil {
		t.Fatal(err)
	}
	m.put("usr/lib/device/distribution.json", content)
	return m
}

func (m *machine) put(name string, content []byte) {
	m.t.Helper()
	if err := write(m.device.path(name), content, public); err != nil {
		m.t.Fatal(err)
	}
}

// onCard writes a file as somebody's laptop does; nil removes it.
func (m *machine) onCard(name string, content []byte) {
	m.t.Helper()
	file := filepath.Join(m.card.Dir, name)
	err := os.Remove(file)
	if content != nil {
		err = os.WriteFile(file, content, public)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// start is what the program does at each start of the device; /run is empty then.
func (m *machine) start() Status {
	m.t.Helper()
	if err := os.RemoveAll(m.device.path("run")); err != nil {
		m.t.Fatal(err)
	}
	return m.startAgain()
}

// startAgain leaves /run as it is.
func (m *machine) startAgain() Status {
	m.t.Helper()
	m.host = ""
	taken, err := m.device.Take(m.card)
	if err != nil {
		taken.Fail(err)
	}
	var applied Findings
	if taken.Config != nil && len(taken.Problems) == 0 {
		applied = m.device.Apply(m.t.Context(), *taken.Config)
	}
	return m.device.Tell(m.card, StatusOf(taken, applied, m.device.Joined()))
}

// read is "" for what is not there.
func (m *machine) read(name string) string {
	m.t.Helper()
	content, err := readIfThere(m.device.path(name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(content)
}

func (m *machine) cardFiles() []string {
	m.t.Helper()
	entries, err := os.ReadDir(m.card.Dir)
	if err != nil {
		m.t.Fatal(err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (m *machine) cardText(name string) string {
	m.t.Helper()
	content, err := m.card.read(name)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(content)
}

// roles are those whose units would start.
func (m *machine) roles() []string {
	var found []string
	for _, role := range []string{"controller", "single", "worker"} {
		if m.device.has(nodeDir + "/" + role) {
			found = append(found, role)
		}
	}
	return found
}

func (m *machine) wantRoles(want ...string) {
	m.t.Helper()
	if got := m.roles(); !slices.Equal(got, want) {
		m.t.Errorf("roles that start = %q; want %q\n%s", got, want, m.cardText(StatusFile))
	}
}

// credentialOf is a certificate with its key, as builder makes them for a node.
func credentialOf(t *testing.T, node string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "kedge:enrol:" + node},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

// newAuthority is the certificate of one.
func newAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
}

// archiveOf is an archive of a cluster's keys, each of which says mark.
func archiveOf(t *testing.T, mark string) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	add := func(header tar.Header, content string) {
		header.Size = int64(len(content))
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "pki", Typeflag: tar.TypeDir, Mode: 0o755}, "")
	add(tar.Header{Name: "pki/etcd", Typeflag: tar.TypeDir, Mode: 0o755}, "")
	add(tar.Header{Name: "kedge.yaml", Typeflag: tar.TypeReg, Mode: 0o600}, "spec: {}\n")
	add(tar.Header{Name: "pki/ca.crt", Typeflag: tar.TypeReg, Mode: 0o644}, mark+" certificate\n")
	add(tar.Header{Name: "pki/etcd/ca-issuer.key", Typeflag: tar.TypeReg, Mode: 0o600}, strings.Repeat(mark+" key\n", 300))
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sample is the text of a sample that builder accepts, too.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../../tests/contracts/node/good", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// tarOf is an archive of one file.
func tarOf(t *testing.T, name string) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	if err := writer.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
