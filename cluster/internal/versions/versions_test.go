package versions

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const within = time.Minute

// machine is a store on a machine whose starts and times are set.
type machine struct {
	Store
	boot  string
	since time.Duration
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{boot: "one"}
	m.Store = Store{Dir: filepath.Join(t.TempDir(), "kedge"), Boot: func() (string, time.Duration) { return m.boot, m.since }}
	return m
}

// install installs a script as a version.
func (m *machine) install(t *testing.T, version, script string) {
	t.Helper()
	staged, err := m.Stage()
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	if _, err := io.WriteString(staged, script); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(staged.Close(), staged.Keep(version)); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) try(t *testing.T, version string) {
	t.Helper()
	if err := m.Try(version, within); err != nil {
		t.Fatal(err)
	}
}

// start starts the role as the machine's own executable does, and tells which version runs.
func (m *machine) start() string {
	version := Factory
	Entry{
		Store: m.Store, Self: "/bin/true", Argv: []string{"kedge", "worker"}, Guard: []string{"no-such-command"},
		Log: slog.New(slog.DiscardHandler),
		Exec: func(file string, _, _ []string) error {
			if content, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(content, []byte("#!")) {
				return errors.Join(err, syscall.ENOEXEC)
			}
			version = filepath.Base(filepath.Dir(file))
			panic(entered{})
		},
	}.enterOrStay()
	return version
}

// entered ends a process that became another executable.
type entered struct{}

func (e Entry) enterOrStay() {
	defer func() {
		if found := recover(); found != nil && found != (entered{}) {
			panic(found)
		}
	}()
	e.Enter()
}

func (m *machine) state(t *testing.T) State {
	t.Helper()
	state, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

const works = "#!/bin/sh\n"

func TestTheFactorysVersionRunsWhereNothingWasInstalled(t *testing.T) {
	m := newMachine(t)
	if version := m.start(); version != Factory {
		t.Errorf("version %q runs", version)
	}
	if _, err := os.Stat(m.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a start made something: %v", err)
	}
}

func TestAVersionThatWorksStays(t *testing.T) {
	m := newMachine(t)
	m.install(t, "v2", works)
	m.try(t, "v2")
	if version := m.start(); version != "v2" {
		t.Fatalf("version %q runs", version)
	}
	if err := m.Confirm("v1"); err != nil || m.state(t).Trial == nil {
		t.Fatalf("another version confirmed it: %v", err)
	}
	if err := m.Confirm("v2"); err != nil {
		t.Fatal(err)
	}
	for range mostStarts + 1 {
		if version := m.start(); version != "v2" {
			t.Fatalf("version %q runs", version)
		}
	}
	if link, err := os.Readlink(filepath.Join(m.Dir, currentLink)); err != nil || link != "v2" {
		t.Errorf("current leads to %q: %v", link, err)
	}
}

func TestAVersionThatEndsIsLeftAfterSomeStarts(t *testing.T) {
	m := newMachine(t)
	m.install(t, "v2", works)
	m.try(t, "v2")
	var ran []string
	for range mostStarts + 1 {
		ran = append(ran, m.start())
		m.boot += "'" // the power may go each time
	}
	if want := []string{"v2", "v2", "v2", Factory}; !slices.Equal(ran, want) {
		t.Errorf("ran %q, want %q", ran, want)
	}
	failed := m.state(t).Failed
	if failed == nil || failed.Version != "v2" || !strings.Contains(failed.Why, "never was ready") {
		t.Errorf("failed: %+v", failed)
	}
	if _, err := os.Readlink(filepath.Join(m.Dir, currentLink)); err == nil {
		t.Error("current leads somewhere")
	}
}

func TestAVersionHasItsTimeFromEachStartOfTheMachine(t *testing.T) {
	m := newMachine(t)
	m.install(t, "v2", works)
	m.try(t, "v2")
	m.since = time.Hour
	m.start()
	m.boot, m.since = "two", time.Second
	if version := m.start(); version != "v2" {
		t.Fatalf("after the machine started again, version %q runs", version)
	}
	m.since += within
	if version := m.start(); version != Factory {
		t.Errorf("after its time, version %q runs", version)
	}
	if why := m.state(t).Failed.Why; !strings.Contains(why, "within 1m0s") {
		t.Errorf("why: %s", why)
	}
}

func TestAVersionThatCannotBeExecutedIsLeftAtOnce(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"gone":    os.Remove,
		"another": func(file string) error { return os.WriteFile(file, []byte("\x7fELF"), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.install(t, "v2", works)
			m.try(t, "v2")
			m.start()
			if err := m.Confirm("v2"); err != nil {
				t.Fatal(err)
			}
			m.install(t, "v3", works)
			m.try(t, "v3")
			if err := damage(m.Executable("v3")); err != nil {
				t.Fatal(err)
			}
			if version := m.start(); version != "v2" {
				t.Errorf("version %q runs", version)
			}
			if err := damage(m.Executable("v2")); err != nil {
				t.Fatal(err)
			}
			if version := m.start(); version != Factory {
				t.Errorf("version %q runs", version)
			}
		})
	}
}

func TestADamagedStateLeavesTheFactorysVersion(t *testing.T) {
	m := newMachine(t)
	m.install(t, "v2", works)
	m.try(t, "v2")
	for _, content := range []string{"", "{", `{"format": 99, "current": "v2"}`} {
		if err := os.WriteFile(m.Store.state(), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if version := m.start(); version != Factory {
			t.Errorf("with %q, version %q runs", content, version)
		}
	}
}

func TestOneTrialAtATime(t *testing.T) {
	m := newMachine(t)
	m.install(t, "v2", works)
	m.install(t, "v3", works)
	m.try(t, "v2")
	if err := m.Try("v3", within); err == nil || !strings.Contains(err.Error(), "v2 is being tried") {
		t.Errorf("a second trial: %v", err)
	}
	if err := m.Confirm("v2"); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v2", "v4"} {
		if err := m.Try(version, within); err == nil {
			t.Errorf("version %s was put on trial", version)
		}
	}
}

func TestBackAndNoFurther(t *testing.T) {
	m := newMachine(t)
	for _, version := range []string{"v2", "v3"} {
		m.install(t, version, works)
		m.try(t, version)
		if err := m.Confirm(version); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"v2", Factory} {
		if version, err := m.Back("told to"); err != nil || version != want {
			t.Errorf("back to %q: %v, want %q", version, err, want)
		}
	}
	if _, err := m.Back("told to"); err == nil {
		t.Error("there was something before the factory's")
	}
}

func TestOldVersionsGoUnlessTheyRun(t *testing.T) {
	m := newMachine(t)
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	m.install(t, "v1", string(sleep))
	running := exec.Command(m.Executable("v1"), "1000")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Process.Kill(); _ = running.Wait() })
	for _, version := range []string{"v2", "v3", "v4"} {
		m.install(t, version, works)
		m.try(t, version)
		if err := m.Confirm(version); err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(m.Dir, "*", executable))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{m.Executable("v1"), filepath.Join(m.Dir, currentLink, executable), m.Executable("v3"), m.Executable("v4")}
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("there are %q, want %q", found, want)
	}
}

func TestStaging(t *testing.T) {
	m := newMachine(t)
	staged, err := m.Stage()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Stage(); err == nil {
		t.Error("two arrive at once")
	}
	for _, name := range []string{"", "../v1", ".incoming", "a/b", strings.Repeat("v", 101)} {
		if err := staged.Keep(name); err == nil {
			t.Errorf("a version is called %q", name)
		}
	}
	staged.Discard()
	if entries, err := filepath.Glob(filepath.Join(m.Dir, stageDir)); err != nil || len(entries) > 0 {
		t.Errorf("left: %v %v", entries, err)
	}
	m.install(t, "v2", works)
	m.install(t, "v2", works)
	m.try(t, "v2")
	staged, err = m.Stage()
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	if _, err := io.WriteString(staged, works+"# another"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(staged.Close(), staged.Keep("v2")); err == nil || !strings.Contains(err.Error(), "another executable") {
		t.Errorf("the version in use was replaced: %v", err)
	}
}

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

func TestThisMachineTellsItsStart(t *testing.T) {
	id, since := Store{}.boot()
	if len(id) != len("00000000-0000-0000-0000-000000000000") || since <= 0 {
		t.Errorf("start %q, %s ago", id, since)
	}
}
