package networkpolicy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestOptions(t *testing.T) {
	got, err := parseOptions([]string{"--kubeconfig=/node.conf", "--hostname-override=edge-1", "--sync-period=5s"}, io.Discard)
	if err != nil || got.kubeconfig != "/node.conf" || got.node != "edge-1" || got.syncPeriod != 5*time.Second {
		t.Errorf("options = %+v, %v", got, err)
	}
}

// The kubelet registers the node under this name.
func TestTheNodesNameIsTheHosts(t *testing.T) {
	opts := options{kubeconfig: "/node.conf", syncPeriod: time.Minute, defaultNode: func() (string, error) { return "Edge-1\n", nil }}
	if err := opts.check(nil); err != nil || opts.node != "edge-1" {
		t.Errorf("node = %q, %v", opts.node, err)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for complaint, args := range map[string][]string{
		"--kubeconfig is missing":          {},
		`takes flags only, got "10.0.0.1"`: {"--kubeconfig=/node.conf", "10.0.0.1"},
		"must be at least 1s":              {"--kubeconfig=/node.conf", "--sync-period=1ms"},
		"--healthz-bind-address":           {"--kubeconfig=/node.conf", "--healthz-bind-address=10266"},
		"unknown flag: --proxy-mode":       {"--proxy-mode=nftables"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%q: %v; want %q", args, err, complaint)
		}
	}
}

func TestHelp(t *testing.T) {
	var help strings.Builder
	if _, err := parseOptions([]string{"--help"}, &help); !errors.Is(err, pflag.ErrHelp) || !strings.Contains(help.String(), "--kubeconfig") {
		t.Errorf("help = %q, %v", help.String(), err)
	}
}

func TestProbes(t *testing.T) {
	var failure error
	ask := func(path string) int {
		recorder := httptest.NewRecorder()
		probes(func() error { return failure }).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		return recorder.Code
	}
	if got := ask("/readyz"); got != http.StatusOK {
		t.Errorf("/readyz answers %d when the rules stand", got)
	}
	failure = errors.New("no nftables")
	if got := ask("/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d when they do not", got)
	}
	if got := ask("/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d", got)
	}
}
