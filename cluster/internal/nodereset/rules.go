package nodereset

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// removeRules lets kube-proxy remove what it made in the modes that are not
// tables of nftables: it knows its chains, and its virtual servers.
func (n node) removeRules(ctx context.Context) error {
	if n.cluster == nil || n.cluster.Proxy.Disabled || n.cluster.Proxy.Mode == "nftables" {
		return nil
	}
	proxy := exec.CommandContext(ctx, "/proc/self/exe", "kube-proxy", "--cleanup")
	if output, err := proxy.CombinedOutput(); err != nil {
		return fmt.Errorf("remove the rules of services: kedge kube-proxy --cleanup: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
