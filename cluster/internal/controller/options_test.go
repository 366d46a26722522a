package controller

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"kedge/internal/argv"
	"kedge/internal/config"
)

func testOptions(change func(*config.Spec)) Options {
	options := Options{Config: config.Default()}
	options.Config.Spec.API.Address = "192.0.2.10"
	if change != nil {
		change(&options.Config.Spec)
	}
	return options
}

func TestClusterFollowsTheConfiguration(t *testing.T) {
	options := testOptions(func(s *config.Spec) {
		s.Konnectivity.AdminPort = 9000
		s.Scheduler.ExtraArgs = map[string]string{"secure-port": "9001"}
		s.FeatureGates = []config.FeatureGate{{Name: "One", Enabled: true, Components: []string{argv.KubeScheduler}}, {Name: "All"}}
	})
	options.Disabled = []string{argv.KonnectivityServer}
	c, err := options.cluster()
	if err != nil {
		t.Fatal(err)
	}
	if c.Tunnel || c.Port != 6443 || c.Ports.KonnectivityHealth != 9001 || c.Ports.Scheduler != 9001 || c.Ports.ControllerManager != argv.ControllerManagerPort {
		t.Errorf("cluster = %+v", c)
	}
	if gates := c.FeatureGates; !gates[argv.KubeScheduler]["One"] || len(gates[argv.KubeAPIServer]) != 1 {
		t.Errorf("gates = %v", gates)
	}
}

func TestNamesOfTheServer(t *testing.T) {
	options := testOptions(func(s *config.Spec) {
		s.API.SANs = []string{"api.example", "198.51.100.7", "192.0.2.10", "localhost"}
		s.API.ExternalAddress = "balancer.example"
	})
	c, err := options.cluster()
	if err != nil {
		t.Fatal(err)
	}
	names, addresses := options.names(c)
	for _, want := range []string{"kubernetes.default.svc.cluster.local", "localhost", "api.example", "balancer.example"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing in %v", want, names)
		}
	}
	var texts []string
	for _, address := range addresses {
		texts = append(texts, net.IP(address).String())
	}
	if got, want := strings.Join(texts, " "), "127.0.0.1 ::1 10.96.0.1 192.0.2.10 198.51.100.7"; got != want {
		t.Errorf("addresses = %s; want %s", got, want)
	}
	if host, err := os.Hostname(); err == nil && !slices.Contains(names, host) {
		t.Errorf("this machine's name %s is missing in %v", host, names)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(names) {
		t.Errorf("a name is there twice: %v", names)
	}
}
