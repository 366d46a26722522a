package versions

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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

func TestAFailedVersionGoesBeforeTheNextOneComes(t *testing.T) {
	m := newMachine(t)
	if err := m.Prune(); err != nil {
		t.Fatal(err)
	}
	m.install(t, "v2", works)
	m.try(t, "v2")
	if _, err := m.Back("it failed"); err != nil {
		t.Fatal(err)
	}
	if err := m.Prune(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.Executable("v2")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is there still: %v", err)
	}
}
