package firstboot

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

func day(t *testing.T, text string) time.Time {
	t.Helper()
	made, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// begun is a certificate that begins on that day.
func begun(t *testing.T, name, begins string, isAuthority bool) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: isAuthority, BasicConstraintsValid: true,
		NotBefore: day(t, begins), NotAfter: day(t, "2099-01-01"),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
}

// Each of what others have signed is the latest once; what the device signed itself counts never.
func TestAClockIsNotBeforeWhatOthersHaveSigned(t *testing.T) {
	for name, one := range map[string]struct{ role, file, want string }{
		"the cluster":                {"single", "", "2027-01-01"},
		"an issuer of a controller":  {"single", "var/lib/kedge/pki/ca-issuer.crt", "2028-01-01"},
		"a controller's own":         {"single", "var/lib/kedge/pki/apiserver.crt", "2027-01-01"},
		"its own node":               {"single", "var/lib/kedge/worker/node-current.pem", "2027-01-01"},
		"a worker's credential":      {"worker", keptFiles + "/credential.pem", "2028-01-01"},
		"a worker's node":            {"worker", "var/lib/kedge/worker/node-current.pem", "2028-01-01"},
		"what is no certificate":     {"worker", keptFiles + "/credential.pem ", "2027-01-01"},
		"another machine's, by name": {"controller", "var/lib/kedge/worker/node-current.pem", "2027-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			text := fmt.Sprintf("format: 1\nname: barn\nrole: %s\ncluster:\n  name: mill\n  authority: %q\n", one.role, begun(t, "mill", "2027-01-01", true))
			if one.role == "worker" {
				text += "endpoints: [mill.example.com:6443]\ncredential: credential.pem\n"
			}
			m.put(keptNode, []byte(text))
			if one.file != "" {
				m.put(strings.TrimSpace(one.file), begun(t, "kedge:enrol:barn", "2028-01-01", strings.Contains(one.file, "issuer")))
			}
			if strings.HasSuffix(one.file, " ") {
				m.put(strings.TrimSpace(one.file), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
			}
			m.now = day(t, "1970-01-01")
			status := m.start()
			if got := m.now.Format(time.DateOnly); got != one.want {
				t.Errorf("the clock is at %s; want %s\n%s", got, one.want, status)
			}
			if told := "the clock said 1970-01-01, which is long over; it goes on from " + one.want; !strings.Contains(m.cardText(StatusFile), told) {
				t.Errorf("the status does not say %q:\n%s", told, status)
			}
			m.wantRoles(one.role)
			m.now = day(t, "2030-01-01")
			if status := m.start(); m.now != day(t, "2030-01-01") || len(status.Notes) > 0 {
				t.Errorf("a clock that may be right was set to %s: %q", m.now, status.Notes)
			}
		})
	}
}
