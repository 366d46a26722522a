package fleet

import (
	"context"
	"fmt"
	"time"

	"kedge/internal/binding"
	"kedge/internal/fleetlist"
	"kedge/internal/nodeevent"
)

// expected binds a device whose serial number the operator wrote down
// beforehand. is.Node is what it would be, in spite of an error, too.
func (g *Gate) expected(ctx context.Context, asked question) (is binding.Binding, isBound bool, err error) {
	list, err := g.options.List()
	if err != nil {
		return is, false, err
	}
	entry, isListed := list.Find(asked.device.Serial)
	if !isListed || !asked.isState() {
		return is, false, nil
	}
	is = binding.Binding{
		Node: entry.Node, Key: asked.key, Device: asked.device, Credential: entry.Credential, Made: entry.Made.UTC().Truncate(time.Second), Labels: entry.Labels,
	}
	if err := g.checkEntry(entry); err != nil {
		return is, false, err
	}
	isNew, err := binding.Store{Core: g.options.Client.CoreV1()}.BindFree(ctx, is)
	if binding.IsRefused(err) {
		return is, false, ofEntry(entry, err.Error())
	}
	if err != nil {
		return is, false, err
	}
	if isNew {
		g.options.Log.Info("a device is approved by its serial number", "node", is.Node, "device", is.Device.String(), "fingerprint", is.Key, "credential", is.Credential)
		g.events.Write(ctx, nodeevent.Event{Node: is.Node, Reason: approvedReason, Message: fmt.Sprintf("approved %s, %s, by its serial number", is.Device, is.Key)})
	}
	if g.known.put(is) && g.options.Bound != nil {
		g.options.Bound(is.Node)
	}
	return is, true, nil
}

// checkEntry refuses what the operator took back, or wrote down long ago.
func (g *Gate) checkEntry(entry fleetlist.Entry) error {
	revoked, err := g.options.Revoked()
	if err != nil {
		return err
	}
	if found, isRevoked := revoked.Find(entry.Credential); isRevoked {
		return ofEntry(entry, "it was revoked on "+found.Revoked.Format(time.RFC3339))
	}
	if time.Now().After(entry.Expires) {
		return ofEntry(entry, "that expired on "+entry.Expires.Format(time.RFC3339))
	}
	return nil
}

func ofEntry(entry fleetlist.Entry, why string) error {
	return binding.Refused(fmt.Sprintf("the serial number %s is the node %s's: %s", entry.Serial, entry.Node, why))
}
