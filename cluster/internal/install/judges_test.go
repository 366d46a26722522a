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
func written(t *testing.T, name string, service Service, render func(Service) string) (string, Service) {
	t.Helper()
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
	for _, service := range []Service{testService(), testWorker()} {
		unit, _ := written(t, service.Name()+".service", service, Systemd)
		if said := judge(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit); strings.Contains(said, unit) {
			t.Errorf("systemd-analyze verify: %s", said)
		}
	}
}

// TestShellReadsTheScript takes the script's words apart as supervise-daemon's
// script in OpenRC does.
func TestShellReadsTheScript(t *testing.T) {
	script, service := written(t, "kedgecontroller", testService(), OpenRC)
	said := judge(t, "sh", "-euc", `. "$1"; eval "set -- $command_args"; printf '%s\n' "$command" "$@"`, "sh", script)
	want := append([]string{service.Executable}, service.Args...)
	if got := strings.Split(strings.TrimSuffix(said, "\n"), "\n"); !slices.Equal(got, want) {
		t.Errorf("words = %q; want %q", got, want)
	}
}

// TestPodsGoOnWithoutTheService is about a machine whose rc.conf tells OpenRC to
// end everything that a service has started.
func TestPodsGoOnWithoutTheService(t *testing.T) {
	for _, test := range []struct {
		service Service
		want    string
	}{{testService(), "yes"}, {testWorker(), "no"}} {
		script, _ := written(t, test.service.Name(), test.service, OpenRC)
		said := judge(t, "sh", "-euc", `rc_cgroup_cleanup=yes; . "$1"; echo "$rc_cgroup_cleanup"`, "sh", script)
		if got := strings.TrimSpace(said); got != test.want {
			t.Errorf("%s: rc_cgroup_cleanup = %q; want %q", test.service.Name(), got, test.want)
		}
	}
}
