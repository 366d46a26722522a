package controller

import (
	"kedge/internal/enrolment"
	"kedge/internal/fleet"
	"kedge/internal/fleetlist"
	"kedge/internal/revocation"
	"kedge/internal/role"
)

// fleetGate is where devices ask that come without a credential.
const fleetGate = "fleet-gate"

// gate lets devices with a fleet's card ask. bound learns of each that is let in.
func (p *plane) gate(bound func(node string)) (*role.Task, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	l := p.options.Layout
	server := l.Pair("server")
	made := fleet.New(fleet.Options{
		Client: client, Address: anywhere(enrolment.Port), Certificate: server.Certificate, Key: server.Key, Bound: bound, Log: role.LogOf(p.Log, fleetGate),
		List:    func() (fleetlist.List, error) { return fleetlist.Read(l.FleetList()) },
		Revoked: func() (revocation.List, error) { return revocation.Read(l.Revoked()) },
	})
	p.pending = made.Pending
	return role.NewTask(fleetGate, made.Run), nil
}
