package role

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"kedge/internal/component"
	"kedge/internal/layout"
)

// slow is a component that never serves.
type slow struct{}

func (slow) Name() string                { return "slow" }
func (slow) Init(context.Context) error  { return nil }
func (slow) Start(context.Context) error { return nil }
func (slow) Ready(context.Context) error { return nil }
func (slow) Stop(context.Context) error  { return nil }

var _ component.Component = slow{}

// told counts what the service manager is told until it is told that this is the stop.
func told(t *testing.T, manager *net.UnixConn, state string) <-chan int {
	counted := make(chan int, 1)
	go func() {
		count, message := 0, make([]byte, 128)
		for {
			size, err := manager.Read(message)
			if err != nil {
				t.Errorf("read what the service manager is told: %v", err)
			}
			switch {
			case err != nil || string(message[:size]) == daemon.SdNotifyStopping:
				counted <- count
				return
			case string(message[:size]) == state:
				count++
			}
		}
	}()
	return counted
}

func TestTheWatchdogHasPatienceWithWhatDoesNotServe(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "300000000")
	counted := told(t, manager, daemon.SdNotifyWatchdog)
	synctest.Test(t, func(t *testing.T) {
		plane := NewPlane(layout.Layout{}, slog.New(slog.DiscardHandler), nil, 0)
		plane.Add(slow{})
		ctx, stop := context.WithTimeout(t.Context(), 2*patience)
		defer stop()
		if err := plane.feedWatchdog(ctx); err != nil {
			t.Error(err)
		}
	})
	// One every ten seconds, a thirtieth of what it asks for; and none any more after that.
	if got, want := <-counted, int(patience/(10*time.Second)); got != want {
		t.Errorf("the watchdog was told %d times that all is well, not %d", got, want)
	}
}
