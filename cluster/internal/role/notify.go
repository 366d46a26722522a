package role

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

const (
	readyState = daemon.SdNotifyReady
	// settled is how long everything must have served until kedge counts as working.
	settled = 30 * time.Second
)

// notify tells the service manager, if there is one.
func (p *Plane) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		p.Log.Warn("the service manager cannot be told", "state", state, "error", err)
	}
}

// awaitWorking calls works when all was well for a while.
func (p *Plane) awaitWorking(works func()) func(context.Context) error {
	return func(ctx context.Context) error {
		if works == nil {
			return nil
		}
		var since time.Time
		for {
			switch {
			case p.healthy() != nil:
				since = time.Time{}
			case since.IsZero():
				since = time.Now()
			case time.Since(since) >= settled:
				works()
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
		}
	}
}

// patience is how long components may not serve until everything is started anew.
// A device that has too much to do would only have more then, and a database that
// is away does not come back by it; what hangs does.
const patience = 15 * time.Minute

// feedWatchdog tells the service manager that all is well, as often as it asks
// for, as long as it was not too long ago. ctx's end is the beginning of the stop.
func (p *Plane) feedWatchdog(ctx context.Context) error {
	defer p.notify(daemon.SdNotifyStopping)
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil || period == 0 {
		<-ctx.Done()
		return nil
	}
	const perPeriod = 30
	ticker := time.NewTicker(period / perPeriod)
	defer ticker.Stop()
	well := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			err := p.healthy()
			if err == nil {
				well = time.Now()
			}
			if time.Since(well) > patience {
				p.Log.Warn("the watchdog is not told that all is well", "because", err, "since", well)
				continue
			}
			p.notify(daemon.SdNotifyWatchdog)
		}
	}
}
