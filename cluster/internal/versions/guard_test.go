package versions

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestTheGuardEndsWhatHangs(t *testing.T) {
	m := newMachine(t)
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	m.install(t, "v2", string(sleep))
	m.try(t, "v2")
	hanging := exec.Command(m.Executable("v2"), "1000")
	if err := hanging.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- hanging.Wait() }()
	if _, err := m.change(func(state *State) error {
		state.Trial.start(m.boot, m.since)
		state.Trial.PID = hanging.Process.Pid
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m.since = within
	if err := GuardTrial(t.Context(), m.Store, func() string { return "kubelet: it does not answer" }, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || err.Error() != "signal: terminated" {
		t.Errorf("it ended with %v", err)
	}
	state := m.state(t)
	if state.Current != Factory || state.Failed == nil || !strings.Contains(state.Failed.Why, "kubelet: it does not answer") {
		t.Errorf("state: %+v, failed %+v", state, state.Failed)
	}
}

func TestTheGuardWaitsForWhatIsNotOver(t *testing.T) {
	m := newMachine(t)
	m.install(t, "v2", works)
	m.try(t, "v2")
	m.start()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- GuardTrial(ctx, m.Store, func() string { return "" }, slog.New(slog.DiscardHandler))
	}()
	if err := m.Confirm("v2"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	stop()
	if state := m.state(t); state.Current != "v2" || state.Failed != nil {
		t.Errorf("state: %+v", state)
	}
}
