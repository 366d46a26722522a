package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written puts a service's file where programs of the machine can read it. Its
// executable is this test, which is there.
func written(t *testing.T, name string, render func(Service) string) (string, Service) {
	t.Helper()
	service := testService()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	service.Executable = executable
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(render(service)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, service
}

func judge(t *testing.T, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("there is no %s", program)
	}
	output, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v", program, err)
	}
	return string(output)
}

func TestSystemdTakesTheUnit(t *testing.T) {
	unit, _ := written(t, "kedgecontroller.service", Systemd)
	if said := judge(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit); strings.Contains(said, unit) {
		t.Errorf("systemd-analyze verify: %s", said)
	}
}

// TestShellReadsTheScript takes the script's words apart as supervise-daemon's
// script in OpenRC does.
func TestShellReadsTheScript(t *testing.T) {
	script, service := written(t, "kedgecontroller", OpenRC)
	said := judge(t, "sh", "-euc", `. "$1"; eval "set -- $command_args"; printf '%s\n' "$command" "$@"`, "sh", script)
	want := append([]string{service.Executable}, service.Args...)
	if got := strings.Split(strings.TrimSuffix(said, "\n"), "\n"); !slices.Equal(got, want) {
		t.Errorf("words = %q; want %q", got, want)
	}
}
