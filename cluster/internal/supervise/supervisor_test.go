package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestProcessThatEndsIsStartedAgain(t *testing.T) {
	s, log := supervised(t, t.TempDir(), testCommand("part", "crash", "3"), nil)
	first := pidIn(t, log.after(t, 0, `"running `))
	second := pidIn(t, log.after(t, 1, `"running `))
	if first == second {
		t.Errorf("both are process %d", first)
	}
	if line := log.after(t, 0, "ended by itself"); !strings.Contains(line, "exit status 3") || !strings.Contains(line, "component=part") {
		t.Errorf("line = %s", line)
	}
	if line := log.after(t, 0, "no reason"); !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "component=part") {
		t.Errorf("line = %s; want the severity that the component gave it", line)
	}
	if err := s.Ready(); err != nil && err.Error() != "the process ended: exit status 3: crash.go:1] no reason" {
		t.Errorf("problem = %v; want how it ended and what it said last", err)
	}
	if starts := s.Status().Starts; starts < 2 {
		t.Errorf("started %d times; want 2 at least", starts)
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	s, log := supervised(t, t.TempDir(), testCommand("part", "wait"), nil)
	pid := pidIn(t, log.after(t, 0, `"running `))
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if isAlive(pid) {
		t.Error("the process is still there")
	}
	if s.Status().PID != 0 {
		t.Errorf("status = %+v", s.Status())
	}
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	for name, stop := range map[string]func(*testing.T, *Supervisor) error{
		"when its time is over": func(t *testing.T, s *Supervisor) error { return s.Stop(t.Context()) },
		"when everybody's time is over": func(t *testing.T, s *Supervisor) error {
			s.options.StopTimeout = time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return s.Stop(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := supervised(t, t.TempDir(), testCommand("part", "stubborn"), func(o *Options) { o.StopTimeout = 50 * time.Millisecond })
			pid := pidIn(t, log.after(t, 0, `"running `))
			if err := stop(t, s); err != nil {
				t.Fatal(err)
			}
			if isAlive(pid) {
				t.Error("the process is still there")
			}
		})
	}
}

func TestProcessesOfTheProcessEndWithIt(t *testing.T) {
	s, log := supervised(t, t.TempDir(), testCommand("part", "family"), nil)
	grandchild := pidIn(t, log.after(t, 0, `"running `))
	if grandchild == s.Status().PID {
		t.Fatal("the line is not the grandchild's")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, grandchild)
}

func TestEnvironmentIsTheComponentsOwn(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/somewhere")
	t.Setenv("GOGC", "7")
	t.Setenv("HTTPS_PROXY", "proxy.example")
	command := testCommand("part", "environment")
	command.Env = []string{"GOGC=30"}
	_, log := supervised(t, t.TempDir(), command, nil)
	log.after(t, 0, `"running `)
	got := strings.Join(log.lines, "\n")
	for _, want := range []string{"GOGC=30", "HTTPS_PROXY=proxy.example"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"NOTIFY_SOCKET", "GOGC=7"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("%s was inherited", unwanted)
		}
	}
}

func TestProgramThatIsNotThereFailsTheStart(t *testing.T) {
	s := New(Command{Name: "part", Executable: "/nonexistent/program"}, Options{Log: slog.New(slog.DiscardHandler), PIDDir: t.TempDir()})
	err := s.Start(t.Context())
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "start part:") || !strings.Contains(err.Error(), "/nonexistent/program") {
		t.Errorf("error = %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop after that: %v", err)
	}
}

func TestProbeDecidesWhetherTheProcessIsReady(t *testing.T) {
	var serves atomic.Bool
	s, log := supervised(t, t.TempDir(), testCommand("part", "wait"), func(o *Options) {
		o.Probe = func(context.Context) error {
			if !serves.Load() {
				return errors.New("no answer")
			}
			return nil
		}
	})
	log.after(t, 0, `"running `)
	awaitTrue(t, func() bool { return s.Status().Problem == "no answer" })
	if err := s.Ready(); err == nil || err.Error() != "no answer" {
		t.Errorf("ready = %v; want what the probe said", err)
	}
	serves.Store(true)
	awaitTrue(t, func() bool { return s.Ready() == nil })
	if err := unix.Kill(s.Status().PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	log.after(t, 0, "ended by itself")
	awaitTrue(t, func() bool { return s.Status().Starts == 2 && s.Ready() == nil })
}

func TestBackoff(t *testing.T) {
	b := Backoff{}
	var got []string
	for range 8 {
		got = append(got, b.Next().String())
	}
	b.Reset()
	got = append(got, b.Next().String())
	if want := "1s 2s 4s 8s 16s 32s 1m0s 1m0s 1s"; strings.Join(got, " ") != want {
		t.Errorf("pauses = %s; want %s", got, want)
	}
}

func TestKilledKedgeLeavesNoProcess(t *testing.T) {
	for _, role := range []string{"wait", "stubborn"} {
		t.Run(role, func(t *testing.T) {
			kedge, child := startKedge(t, t.TempDir(), role)
			if err := kedge.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, child)
		})
	}
}

func TestProcessOfAnEarlierStartIsEnded(t *testing.T) {
	for name, test := range map[string]struct {
		note  func(pid int, start string) string
		owner string
		want  bool // that it is ended
	}{
		"noted":                     {func(pid int, start string) string { return fmt.Sprintf("%d %s\n", pid, start) }, "/data", true},
		"number used again":         {func(pid int, _ string) string { return fmt.Sprintf("%d 1\n", pid) }, "/data", false},
		"of another data directory": {func(pid int, start string) string { return fmt.Sprintf("%d %s\n", pid, start) }, "/other", false},
		"note cut off":              {func(pid int, _ string) string { return fmt.Sprintf("%d", pid) }, "/data", false},
	} {
		t.Run(name, func(t *testing.T) {
			left, log := supervised(t, t.TempDir(), testCommand("part", "stubborn"), func(o *Options) { o.Owner = test.owner })
			pid := pidIn(t, log.after(t, 0, `"running `))
			start, err := startOf(pid)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "part.pid"), []byte(test.note(pid, start)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, later := supervised(t, dir, testCommand("part", "wait"), func(o *Options) { o.Owner = "/data" })
			later.after(t, 0, `"running `)
			if test.want {
				log.after(t, 0, "ended by itself") // its own supervisor sees it too
			} else if now := left.Status(); now.PID != pid || now.Starts != 1 {
				t.Errorf("it was ended: %+v", now)
			}
		})
	}
}

func TestParseLine(t *testing.T) {
	for line, want := range map[string]struct {
		level   slog.Level
		message string
	}{
		"I1126 16:41:48.123456      12 server.go:7] up":                                 {slog.LevelInfo, "server.go:7] up"},
		"W1126 16:41:48.123456 1234567 server.go:7] hm":                                 {slog.LevelWarn, "server.go:7] hm"},
		"E1126 16:41:48.123456      12 server.go:7] no":                                 {slog.LevelError, "server.go:7] no"},
		"F1126 16:41:48.123456      12 server.go:7] end":                                {slog.LevelError, "server.go:7] end"},
		`time="2026-11-26" level=error msg="of another"`:                                {slog.LevelInfo, `time="2026-11-26" level=error msg="of another"`},
		"\x1b[33mWARN\x1b[0m[2026-11-26T17:20:33.046155192Z] slow query   ":             {slog.LevelWarn, "slow query"},
		`{"level":"error","ts":"2026-11-26T17:20:33.046Z","caller":"a.go:1","msg":"x"}`: {slog.LevelError, `"caller":"a.go:1","msg":"x"`},
		"Errors are no header":                                                          {slog.LevelInfo, "Errors are no header"},
	} {
		if level, message := parseLine(line); level != want.level || message != want.message {
			t.Errorf("parseLine(%q) = %v, %q; want %v, %q", line, level, message, want.level, want.message)
		}
	}
}

func awaitTrue(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}

func TestWhatDoesNotServeIsAskedMoreAndMoreSeldom(t *testing.T) {
	bad := errors.New("it does not serve")
	for _, one := range []struct {
		answer             error
		silent, took, want time.Duration
	}{
		{nil, time.Hour, time.Second, probePeriod},
		{bad, 0, time.Millisecond, probePause},
		{bad, time.Minute, time.Millisecond, 3 * time.Second},
		{bad, 10 * time.Second, 4 * time.Second, 4 * time.Second},
		{bad, time.Hour, probeTimeout, probePeriod},
	} {
		if got := pauseAfter(one.answer, one.silent, one.took); got != one.want {
			t.Errorf("after %v, silent for %s, %s: %s, want %s", one.answer, one.silent, one.took, got, one.want)
		}
	}
}
