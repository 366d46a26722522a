package versions

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

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

func TestThisMachineTellsItsStart(t *testing.T) {
	id, since := Store{}.boot()
	if len(id) != len("00000000-0000-0000-0000-000000000000") || since <= 0 {
		t.Errorf("start %q, %s ago", id, since)
	}
}
