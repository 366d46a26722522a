package workerconfig

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func example() Config {
	return Config{
		Version: Version, ClusterDomain: "cluster.local", DNSAddress: "10.96.0.10", PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.96.0.0/12",
		Network:         Network{Provider: "flannel", FlannelConfig: json.RawMessage(`{"Network":"10.244.0.0/16"}`)},
		NetworkPolicy:   NetworkPolicy{Disabled: true},
		Proxy:           Proxy{Mode: "nftables"},
		DNS:             DNS{Disabled: true},
		Tunnel:          Tunnel{Port: 8132},
		KubeletClientCA: "-----BEGIN CERTIFICATE-----\n",
		Images:          Images{Pause: "r.example/pause:3.10", Repository: "r.example", DefaultPullPolicy: "IfNotPresent"},
		Kubelet:         map[string]any{"evictionHard": map[string]any{"memory.available": "25Mi"}, "seccompDefault": true},
		FeatureGates:    map[string]bool{"NodeSwap": false}, KubeProxyFeatureGates: map[string]bool{"A": true},
	}
}

func TestWorkerReadsWhatTheControllerWrote(t *testing.T) {
	encoded, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(encoded)
	if err != nil || !reflect.DeepEqual(got, example()) {
		t.Errorf("read = %+v, %v\nwritten = %+v", got, err, example())
	}
}

func TestFieldsOfANewerControllerAreLeftOut(t *testing.T) {
	got, err := Decode([]byte(`{"version":"v1","clusterDomain":"a.example","later":[1],"tunnel":{"port":1,"later":{}}}`))
	if err != nil || got.ClusterDomain != "a.example" || got.Tunnel.Port != 1 {
		t.Errorf("read = %+v, %v", got, err)
	}
}

func TestAnotherFormIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ document, want string }{
		"newer":      {`{"version":"v2","clusterDomain":["a"]}`, `is of the form "v2", and this worker knows "v1"`},
		"none":       {`{"clusterDomain":"a.example"}`, `is of the form ""`},
		"no JSON":    {`version: v1`, "read the controller's configuration"},
		"wrong type": {`{"version":"v1","clusterDomain":["a"]}`, "clusterDomain"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode([]byte(test.document)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
		})
	}
}
