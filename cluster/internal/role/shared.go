package role

import (
	"context"
	"errors"

	"kedge/internal/component"
	"kedge/internal/supervise"
	"kedge/internal/together"
)

// Shared is a process that several components run in. Those that do need it.
type Shared struct {
	*Process
	socket string
	group  together.Group
}

var _ component.Component = (*Shared)(nil)

// NewShared makes one whose program is told through the socket what to run.
func (p *Plane) NewShared(name, socket string, args []string) *Shared {
	made := &Shared{Process: p.NewProcess(name, args), socket: socket}
	made.Options.Probe = made.group.Ready
	made.group.Process = func() supervise.Status {
		if running := made.running(); running != nil {
			return running.Status()
		}
		return supervise.Status{}
	}
	return made
}

// Start starts the process, which then asks what it shall run.
func (s *Shared) Start(ctx context.Context) error {
	if err := s.group.Open(s.socket); err != nil {
		return err
	}
	return s.Process.Start(ctx)
}

// Stop ends the process, if there is one.
func (s *Shared) Stop(ctx context.Context) error {
	return errors.Join(s.Process.Stop(ctx), s.group.Close())
}
