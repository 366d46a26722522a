package worker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"kedge/internal/argv"
	"kedge/internal/role"
)

// addressPeriod lies between two looks at the node's address.
const addressPeriod = 5 * time.Second

// ownAddress is the node's. A machine without a network runs its pods all the
// same: its address then is one that every node has for itself.
func ownAddress(n argv.Node) (netip.Addr, error) {
	pods, errPods := netip.ParsePrefix(n.Cluster.PodCIDR)
	services, errServices := netip.ParsePrefix(n.Cluster.ServiceCIDR)
	if err := errors.Join(errPods, errServices); err != nil {
		return netip.Addr{}, fmt.Errorf("the cluster's networks: %w", err)
	}
	address, err := role.OwnAddress(pods, services)
	if errors.Is(err, role.ErrNoAddress) {
		return n.APIAddress()
	}
	return address, err
}

// follow starts what depends on the node's address anew when it changes, as a
// lease of DHCP does.
func (w *Worker) follow(dependents ...*role.Process) *role.Task {
	return role.NewTask(nodeAddress, func(ctx context.Context) error {
		log := role.LogOf(w.Log, nodeAddress)
		every(ctx, addressPeriod, func() {
			now, err := ownAddress(w.current())
			before := w.current().Address
			if err != nil || now == before {
				return
			}
			log.Info("the node's address has changed", "before", before, "now", now)
			w.mu.Lock()
			w.node.Address = now
			w.mu.Unlock()
			for _, each := range dependents {
				if err := each.Restart(ctx); err != nil {
					log.Error("what depends on it cannot be started anew", "name", each.Name(), "error", err)
				}
			}
		})
		return nil
	})
}
