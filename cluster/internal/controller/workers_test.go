package controller

import (
	"os"
	"reflect"
	"testing"

	"kedge/internal/bootstrap"
	"kedge/internal/config"
	"kedge/internal/layout"
	"kedge/internal/workerconfig"
)

// told is what workers are told by a controller with these options.
func told(t *testing.T, options Options) map[string]workerconfig.Config {
	t.Helper()
	options.Layout = layout.Layout{DataDir: t.TempDir(), RunDir: t.TempDir()}
	if err := os.MkdirAll(options.Layout.PKI(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(options.Layout.Certificate("client-ca"), []byte("the authority of clients"), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := options.cluster()
	if err != nil {
		t.Fatal(err)
	}
	workers, err := (&plane{options: options, cluster: cluster}).workers()
	if err != nil {
		t.Fatal(err)
	}
	return workers
}

func TestWorkersAreToldTheConfiguration(t *testing.T) {
	options := testOptions(func(s *config.Spec) {
		s.Network.PodCIDR, s.Network.ServiceCIDR, s.Network.ClusterDomain = "10.1.0.0/16", "10.2.0.0/16", "edge.example"
		s.Network.Flannel.Backend, s.Network.KubeProxy.Mode = "host-gw", "ipvs"
		s.Konnectivity.AgentPort = 9132
		s.Images = config.Images{Repository: "r.example/mirror", Pause: config.Image{Image: "registry.k8s.io/pause", Version: "3.9"}, DefaultPullPolicy: "Never"}
		s.Executables = map[string]string{"flannel": "/opt/flanneld", "kubelet": "/opt/kubelet", "kube-apiserver": "/opt/kube-apiserver"}
		s.FeatureGates = []config.FeatureGate{{Name: "All", Enabled: true}, {Name: "One", Components: []string{"kube-proxy"}}}
		s.WorkerProfiles = []config.WorkerProfile{{Name: "camera", Values: map[string]any{"maxPods": 3}}}
	})
	workers := told(t, options)
	camera := workers["camera"]
	if got := camera.Kubelet["maxPods"]; got != 3 || len(workers) != 4 {
		t.Errorf("maxPods = %v; profiles = %v", got, workers)
	}
	camera.Kubelet = nil
	want := workerconfig.Config{
		Version: "v1", ClusterDomain: "edge.example", DNSAddress: "10.2.0.10", PodCIDR: "10.1.0.0/16", ServiceCIDR: "10.2.0.0/16",
		Network: workerconfig.Network{
			Provider: "flannel", FlannelConfig: []byte(`{"Backend":{"Type":"host-gw"},"EnableNFTables":true,"Network":"10.1.0.0/16"}`),
		},
		Proxy: workerconfig.Proxy{Mode: "ipvs"}, Tunnel: workerconfig.Tunnel{Port: 9132}, KubeletClientCA: "the authority of clients",
		Images:       workerconfig.Images{Repository: "r.example/mirror", Pause: "r.example/mirror/pause:3.9", DefaultPullPolicy: "Never"},
		FeatureGates: map[string]bool{"All": true}, KubeProxyFeatureGates: map[string]bool{"All": true, "One": false},
		Executables: map[string]string{"flanneld": "/opt/flanneld", "kubelet": "/opt/kubelet"},
	}
	if !reflect.DeepEqual(camera, want) {
		t.Errorf("told %+v\nwant %+v", camera, want)
	}
}

func TestWorkersAreToldWhatIsNotThere(t *testing.T) {
	everything := testOptions(nil)
	everything.Disabled = Optional()
	custom := testOptions(func(s *config.Spec) { s.Network.Provider, s.Network.KubeProxy.Disabled = "custom", true })
	custom.Disabled = []string{bootstrap.DNS}
	for name, test := range map[string]struct {
		options                             Options
		network, proxy, dns, policy, tunnel bool // what is disabled
	}{
		"by default":           {testOptions(nil), false, false, false, false, false},
		"on the command line":  {everything, true, true, true, true, true},
		"in the configuration": {custom, true, true, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := told(t, test.options)[workerconfig.DefaultProfile]
			if got.Network.Disabled != test.network || got.Proxy.Disabled != test.proxy || got.DNS.Disabled != test.dns || got.Tunnel.Disabled != test.tunnel {
				t.Errorf("told %+v", got)
			}
			if got.NetworkPolicy.Disabled != test.policy {
				t.Errorf("network policy is disabled: %v", got.NetworkPolicy.Disabled)
			}
			if hasFlannel := got.Network.FlannelConfig != nil; hasFlannel == test.network {
				t.Errorf("flannel's configuration = %s", got.Network.FlannelConfig)
			}
			if got.Images.Pause != "" {
				t.Errorf("pause = %q; a worker has its own", got.Images.Pause)
			}
		})
	}
}

func TestFlannelIsToldItsNetwork(t *testing.T) {
	six := testOptions(func(s *config.Spec) {
		s.Network.PodCIDR, s.Network.ServiceCIDR, s.API.Address = "fd01::/48", "fd02::/108", "2001:db8::1"
	})
	for want, options := range map[string]Options{
		`{"Backend":{"Type":"vxlan"},"EnableNFTables":true,"Network":"10.244.0.0/16"}`:                                      testOptions(nil),
		`{"Backend":{"Type":"vxlan"},"EnableIPv4":false,"EnableIPv6":true,"EnableNFTables":true,"IPv6Network":"fd01::/48"}`: six,
	} {
		if got := string(told(t, options)[workerconfig.DefaultProfile].Network.FlannelConfig); got != want {
			t.Errorf("configuration = %s; want %s", got, want)
		}
	}
}
