package controller

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"kedge/internal/argv"
	"kedge/internal/bootstrap"
	"kedge/internal/config"
	"kedge/internal/pki"
	"kedge/internal/workerconfig"
)

// workers is what workers are told, by profile.
func (p *plane) workers() (map[string]workerconfig.Config, error) {
	common, err := p.toldToAll()
	if err != nil {
		return nil, err
	}
	var users []workerconfig.Profile
	for _, profile := range p.options.Config.Spec.WorkerProfiles {
		users = append(users, workerconfig.Profile(profile))
	}
	told := make(map[string]workerconfig.Config)
	for name, values := range workerconfig.Profiles(users) {
		config := common
		config.Kubelet = values
		told[name] = config
	}
	return told, nil
}

// toldToAll is what does not depend on the profile.
func (p *plane) toldToAll() (workerconfig.Config, error) {
	clients, err := os.ReadFile(pki.Signer(p.options.Layout, "client-ca").Certificate)
	if err != nil {
		return workerconfig.Config{}, fmt.Errorf("read who signs the certificates of clients: %w", err)
	}
	network, err := p.toldNetwork()
	if err != nil {
		return workerconfig.Config{}, err
	}
	spec, disabled := p.options.Config.Spec, p.disabledStacks()
	return workerconfig.Config{
		Version:       workerconfig.Version,
		ClusterDomain: spec.Network.ClusterDomain,
		DNSAddress:    bootstrap.DNSAddress(p.cluster.Services[0]).String(),
		PodCIDR:       spec.Network.PodCIDR, ServiceCIDR: spec.Network.ServiceCIDR,
		Network:         network,
		Proxy:           workerconfig.Proxy{Disabled: slices.Contains(disabled, bootstrap.Proxy), Mode: spec.Network.KubeProxy.Mode},
		DNS:             workerconfig.DNS{Disabled: slices.Contains(disabled, bootstrap.DNS)},
		NetworkPolicy:   workerconfig.NetworkPolicy{Disabled: slices.Contains(disabled, bootstrap.NetworkPolicy)},
		Tunnel:          workerconfig.Tunnel{Disabled: !p.cluster.Tunnel, Port: p.cluster.AgentPort},
		KubeletClientCA: string(clients),
		Images:          toldImages(spec.Images), Executables: toldExecutables(spec.Executables),
		FeatureGates: spec.FeatureGatesOf("kubelet"), KubeProxyFeatureGates: spec.FeatureGatesOf("kube-proxy"),
	}, nil
}

func (p *plane) toldNetwork() (workerconfig.Network, error) {
	network := p.options.Config.Spec.Network
	told := workerconfig.Network{Provider: network.Provider, Disabled: slices.Contains(p.disabledStacks(), bootstrap.Network)}
	if told.Disabled {
		return told, nil
	}
	var err error
	told.FlannelConfig, err = flannelConfig(p.cluster.Pods[0], network.Flannel.Backend)
	return told, err
}

// flannelConfig is flannel's net-conf.json.
func flannelConfig(pods netip.Prefix, backend string) (json.RawMessage, error) {
	settings := map[string]any{"Network": pods.String()}
	if pods.Addr().Is6() {
		settings = map[string]any{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": pods.String()}
	}
	settings["EnableNFTables"] = true
	settings["Backend"] = map[string]string{"Type": backend}
	return json.Marshal(settings)
}

// toldImages leaves pause to the worker where the user names none: it has its
// own, of its release and architecture.
func toldImages(images config.Images) workerconfig.Images {
	told := workerconfig.Images{Repository: images.Repository, DefaultPullPolicy: images.DefaultPullPolicy}
	if images.Pause.Image != "" {
		told.Pause = images.PauseReference("")
	}
	return told
}

// toldExecutables are those of what workers run. What is called flannel there
// runs under the name of its program.
func toldExecutables(all map[string]string) map[string]string {
	var told map[string]string // nil, as a worker reads it, where there are none
	for name, path := range all {
		if name == config.FlannelProvider {
			name = argv.Flannel
		}
		if slices.Contains(argv.NodeComponents(), name) {
			if told == nil {
				told = make(map[string]string)
			}
			told[name] = path
		}
	}
	return told
}

// disabledStacks are those of the command line and of the configuration.
func (p *plane) disabledStacks() []string {
	disabled := slices.Clone(p.options.Disabled)
	network := p.options.Config.Spec.Network
	if network.KubeProxy.Disabled {
		disabled = append(disabled, bootstrap.Proxy)
	}
	if network.Provider != config.FlannelProvider {
		disabled = append(disabled, bootstrap.Network)
	}
	if !p.hasMetrics() {
		disabled = append(disabled, bootstrap.Metrics)
	}
	return disabled
}
