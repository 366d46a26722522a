package versions

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// works is a version that does.
const works = "#!/bin/sh\n"

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
