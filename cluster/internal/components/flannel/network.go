package flannel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"    // backend host-gw
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"     // backend vxlan
	_ "github.com/flannel-io/flannel/pkg/backend/wireguard" // backend wireguard
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/lease"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/nftables"
	"k8s.io/klog/v2"
)

// serve is the daemon: it joins the network and follows the other nodes until
// ctx ends, which is no error.
func serve(ctx context.Context, opts options) error {
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()

	health, err := listen(opts)
	if err != nil {
		return err
	}
	background.Go(func() { health.serve(ctx) })

	network, manager, err := join(ctx, opts, &background)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	health.ready.Store(true)
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		klog.Warningf("Could not tell systemd that the network is ready: %v", err)
	}
	followed := make(chan struct{})
	background.Go(func() {
		defer close(followed)
		network.Run(ctx)
	})
	if err := manager.CompleteLease(ctx, network.Lease(), &background); err != nil {
		return unlessStopped(ctx, fmt.Errorf("tell the API server that the network is there: %w", err))
	}
	<-followed
	return unlessStopped(ctx, errors.New("the watch of the other nodes ended"))
}

// unlessStopped drops what fails because the daemon was asked to end.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// join takes this node's lease, makes devices, rules and routes, and last of
// all the subnet file: CNI plugins take its presence for a network that works.
func join(ctx context.Context, opts options, background *sync.WaitGroup) (backend.Network, subnet.Manager, error) {
	manager, err := kube.NewSubnetManager(ctx, opts.kubeAPIURL, opts.kubeConfigFile,
		opts.kubeAnnotationPrefix, opts.netConfigPath, opts.setNodeNetworkUnavailable)
	if err != nil {
		return nil, nil, fmt.Errorf("reach the API server: %w", err)
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", opts.netConfigPath, err)
	}
	external, err := externalInterface(ctx, opts, config, manager)
	if err != nil {
		return nil, nil, err
	}
	chosen, err := backend.NewManager(ctx, manager, external).GetBackend(config.BackendType)
	if err != nil {
		return nil, nil, fmt.Errorf("Backend.Type in %s: %w; there are vxlan, host-gw and wireguard", opts.netConfigPath, err)
	}
	network, err := chosen.RegisterNetwork(ctx, background, config)
	if err != nil {
		return nil, nil, fmt.Errorf("join the %s network: %w", config.BackendType, err)
	}
	if err := writeRules(ctx, opts, config, network.Lease()); err != nil {
		return nil, nil, err
	}
	if opts.blackholeRoute {
		background.Go(func() { keepBlackholeRoute(ctx, opts, config, network.Lease()) })
	}
	held := network.Lease()
	if err := manager.HandleSubnetFile(opts.subnetFile, config, opts.masquerade, held.Subnet, held.IPv6Subnet, network.MTU()); err != nil {
		return nil, nil, fmt.Errorf("write the subnet file: %w", err)
	}
	return network, manager, nil
}

// writeRules makes this node's packet filter rules anew.
func writeRules(ctx context.Context, opts options, config *subnet.Config, held *lease.Lease) error {
	var rules nftables.NFTablesManager
	if err := rules.Init(ctx); err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	if opts.masquerade {
		// What stood in the subnet file before matters to iptables only: there
		// rules are compared one by one, here the chain is emptied and filled.
		var before ip.IP4Net
		var beforeV6 ip.IP6Net
		err := rules.SetupAndEnsureMasqRules(ctx, config.Network, before, before, config.IPv6Network, beforeV6, beforeV6,
			held, opts.resyncSeconds, opts.masqueradePortsInRow)
		if err != nil {
			return fmt.Errorf("packet filter: %w", err)
		}
	}
	if opts.forwardRules {
		rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, opts.resyncSeconds)
	}
	return nil
}

// keepBlackholeRoute adds the route again and again, since a CNI plugin's or an
// administrator's change of the interface may remove it.
func keepBlackholeRoute(ctx context.Context, opts options, config *subnet.Config, held *lease.Lease) {
	period := time.NewTicker(time.Duration(opts.resyncSeconds) * time.Second)
	defer period.Stop()
	for {
		var v4, v6 error
		if config.EnableIPv4 {
			v4 = ip.AddBlackholeV4Route(held.Subnet.ToIPNet())
		}
		if config.EnableIPv6 {
			v6 = ip.AddBlackholeV6Route(held.IPv6Subnet.ToIPNet())
		}
		if err := errors.Join(v4, v6); err != nil {
			klog.Errorf("Could not add the blackhole route: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-period.C:
		}
	}
}
