package worker

import (
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kedge/internal/layout"
)

func TestNodeName(t *testing.T) {
	for name, want := range map[string]string{
		"edge1": "", "edge1.example": "", "Edge_1": "cannot be a node's name", "-a": "cannot be a node's name", "localhost": "as many are",
	} {
		_, err := Options{NodeName: name}.nodeName()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error = %v; want %q", name, err, want)
		}
	}
}

func TestJudgeTellsWhatTimeDoesNotHeal(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		err  error
		want string // empty: try again
	}{
		"refused token":   {apierrors.NewUnauthorized("no"), "prints a new token"},
		"foreign server":  {x509.UnknownAuthorityError{}, "take a token of that cluster"},
		"a clock":         {x509.CertificateInvalidError{Reason: x509.Expired}, "2026-11-27T00:00:00Z"},
		"another name":    {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "a"}, "spec.api.sans"},
		"another machine": {&twinError{"edge1", "abc"}, "--node-name"},
		"nobody":          {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, ""},
		"busy server":     {apierrors.NewTooManyRequests("later", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(test.err, now)
			if test.want == "" && got != nil || test.want != "" && (got == nil || !strings.Contains(got.Error(), test.want)) {
				t.Errorf("judge = %v; want %q", got, test.want)
			}
		})
	}
}

func TestANodeGoesOnWithoutAControllerThatIsNoHelp(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nobody":           {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		"one clock of two": {x509.CertificateInvalidError{Reason: x509.Expired}, true},
		"no server":        {x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, false},
		"refused":          {apierrors.NewUnauthorized("no"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isNoHelp(test.err); got != test.want {
				t.Errorf("isNoHelp = %t", got)
			}
		})
	}
}

func TestNetworkFollowsFlannel(t *testing.T) {
	l := layout.Layout{DataDir: "/d", RunDir: "/r"}
	got, err := networkConfig("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n", l)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"subnet": "10.244.3.0/24"`, `"mtu": 1450`, `"dst": "0.0.0.0/0"`, `"dataDir": "/r/cni-addresses"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	for name, told := range map[string]string{"nothing": "", "no size": "FLANNEL_SUBNET=10.244.3.1/24", "rubbish": "FLANNEL_SUBNET=x\nFLANNEL_MTU=1450"} {
		if _, err := networkConfig(told, l); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadNameServers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	content := "# nameserver 1.1.1.1\nsearch example\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver\nnameserver rubbish\n"
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := readNameServers(file); !slices.Equal(got, []string{"192.0.2.1", "fe80::1%eth0"}) {
		t.Errorf("name servers = %v", got)
	}
	if got := readNameServers(file + ".absent"); got != nil {
		t.Errorf("name servers of no file = %v", got)
	}
}

func TestCgroupsOfTheProfile(t *testing.T) {
	if err := checkCgroups(map[string]any{"failCgroupV1": false}); err != nil {
		t.Errorf("a profile that does not mind: %v", err)
	}
}

func TestACarriedBundleIsToldByItsDigest(t *testing.T) {
	one, other := bundle{Digest: "1234"}, bundle{Digest: "5678"}
	if one.isSame(other) || !one.isSame(bundle{Digest: "1234", Images: []string{"pause"}}) {
		t.Error("what kedge carries is told by something else than its digest")
	}
	if one.isSame(bundle{}) {
		t.Error("a bundle is the same as none")
	}
}
