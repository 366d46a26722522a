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

// feedWatchdog tells the service manager that all is well, as often as it asks
// for, as long as it is. ctx's end is the beginning of the stop.
func (p *Plane) feedWatchdog(ctx context.Context) error {
	defer p.notify(daemon.SdNotifyStopping)
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil || period == 0 {
		<-ctx.Done()
		return nil
	}
	const perPeriod = 3
	ticker := time.NewTicker(period / perPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := p.healthy(); err != nil {
				p.Log.Warn("the watchdog is not told that all is well", "because", err)
				continue
			}
			p.notify(daemon.SdNotifyWatchdog)
		}
	}
}
