package flannel

import (
	"context"
	"errors"
	"fmt"

	"github.com/flannel-io/flannel/pkg/backend"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet"
)

// matcher is one way to find the interface, as ipmatch takes it: at most one
// field is set, and none means the interface of the default route.
type matcher struct {
	nameOrAddress string
	regex         string
	reaches       string
}

// matchers are the ways that the flags name, in the order in which they are tried.
func (o options) matchers() []matcher {
	var found []matcher
	for _, name := range o.interfaces {
		found = append(found, matcher{nameOrAddress: name})
	}
	for _, regex := range o.interfaceRegexes {
		found = append(found, matcher{regex: regex})
	}
	if o.interfaceToReach != "" {
		found = append(found, matcher{reaches: o.interfaceToReach})
	}
	if len(found) > 0 {
		return found
	}
	if o.publicIP != "" {
		return []matcher{{nameOrAddress: o.publicIP}}
	}
	return []matcher{{nameOrAddress: o.publicIPv6}}
}

// externalInterface is the interface over which this node talks to the others.
// A public address that was written to the Node object wins over the flags'.
func externalInterface(ctx context.Context, opts options, config *subnet.Config, manager subnet.Manager) (*backend.ExternalInterface, error) {
	family, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	if err != nil {
		return nil, fmt.Errorf("%s enables neither IPv4 nor IPv6", opts.netConfigPath)
	}
	stored, storedV6 := manager.GetStoredPublicIP(ctx)
	if stored != "" {
		opts.publicIP = stored
	}
	if storedV6 != "" {
		opts.publicIPv6 = storedV6
	}
	public := ipmatch.PublicIPOpts{PublicIP: opts.publicIP, PublicIPv6: opts.publicIPv6}
	var failures []error
	for _, m := range opts.matchers() {
		external, err := ipmatch.LookupExtIface(m.nameOrAddress, m.regex, m.reaches, family, public)
		if err == nil {
			return external, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("find the interface between the nodes (--iface names it): %w", errors.Join(failures...))
}
