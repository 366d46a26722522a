package payload

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTheRunningExecutable(t *testing.T) {
	executable := pack(t, self(t), small())
	want := "id " + open(t, executable).ID()
	t.Run("with proc", func(t *testing.T) {
		if out, _ := start(t, executable, "running").finish(t); !strings.Contains(out, want) {
			t.Errorf("%s; want %s", out, want)
		}
	})
	t.Run("replaced while it runs", func(t *testing.T) {
		c := start(t, executable, "running")
		c.until(t, "ready")
		if err := os.Rename(pack(t, self(t), tree{"bin/new": "new"}), executable); err != nil {
			t.Fatal(err)
		}
		if out, _ := c.finish(t); !strings.Contains(out, want) {
			t.Errorf("%s; want %s", out, want)
		}
	})
}

func TestTheRunningExecutableInAnEmptyRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root directory")
	}
	executable := pack(t, self(t), small())
	want := "id " + open(t, executable).ID()
	for _, name := range []string{"/kedge", "./kedge"} {
		c := startWith(t, &syscall.SysProcAttr{Chroot: filepath.Dir(executable)}, name, "running")
		if out, _ := c.finish(t); !strings.Contains(out, want) {
			t.Errorf("started as %s: %s; want %s", name, out, want)
		}
	}
}
