package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kedge/internal/layout"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// podNetwork tells containerd how pods are attached, once flannel knows which
// addresses they have.
func (w *Worker) podNetwork() *role.Task {
	return role.NewTask(network, func(ctx context.Context) error {
		if !w.current().OwnNetwork() {
			<-ctx.Done()
			return nil
		}
		every(ctx, watchPeriod, func() {
			if err := w.writeNetwork(); err != nil && !errors.Is(err, os.ErrNotExist) {
				role.LogOf(w.Log, network).Error("pods cannot be attached to the network", "error", err)
			}
		})
		return nil
	})
}

func (w *Worker) writeNetwork() error {
	subnet, err := os.ReadFile(w.Layout.FlannelSubnet())
	if err != nil {
		return err
	}
	wanted, err := networkConfig(string(subnet), w.Layout)
	if err != nil {
		return err
	}
	path := filepath.Join(w.Layout.CNIConfig(), "10-kedge.conflist")
	if was, err := os.ReadFile(path); err == nil && string(was) == string(wanted) {
		return nil
	}
	return wholefile.Write(path, wanted, 0o600)
}

// networkConfig is how pods are attached: each by a pair of interfaces of its
// own, so that all that it sends and gets passes this machine's packet filter.
func networkConfig(subnet string, l layout.Layout) ([]byte, error) {
	told := make(map[string]string)
	for line := range strings.Lines(subnet) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			told[name] = value
		}
	}
	var ranges [][]map[string]string
	var routes []map[string]string
	for _, family := range []struct{ name, everything string }{{"FLANNEL_SUBNET", "0.0.0.0/0"}, {"FLANNEL_IPV6_SUBNET", "::/0"}} {
		if told[family.name] == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(told[family.name])
		if err != nil {
			return nil, fmt.Errorf("flannel tells no subnet: %w", err)
		}
		ranges = append(ranges, []map[string]string{{"subnet": prefix.Masked().String()}})
		routes = append(routes, map[string]string{"dst": family.everything})
	}
	mtu, err := strconv.Atoi(told["FLANNEL_MTU"])
	if err != nil || len(ranges) == 0 {
		return nil, errors.New("flannel tells no subnet, or no size of packets")
	}
	return json.MarshalIndent(map[string]any{
		"cniVersion": "1.0.0", "name": "kedge",
		"plugins": []any{
			map[string]any{
				"type": "ptp", "mtu": mtu,
				"ipam": map[string]any{
					"type": "kedge-ipam", "dataDir": l.CNIAddresses(), "addresses": l.PodAddresses(), "ranges": ranges, "routes": routes,
				},
			},
			map[string]any{"type": "portmap", "backend": "nftables", "capabilities": map[string]bool{"portMappings": true}},
		},
	}, "", "  ")
}
