package controller

import (
	"strings"
	"testing"

	"kedge/internal/argv"
	"kedge/internal/role"
)

func TestEnvironmentFollowsTheMachinesMemory(t *testing.T) {
	for name, test := range map[string]struct {
		component   string
		memoryBytes uint64
		want        string
	}{
		"half a gigabyte":   {argv.KubeAPIServer, 512 * role.Mebibyte, "GOGC=25 GOMEMLIMIT=230MiB"},
		"a small scheduler": {argv.KubeScheduler, 512 * role.Mebibyte, "GOGC=25 GOMEMLIMIT=40MiB"},
		"roomy":             {argv.KubeAPIServer, 8192 * role.Mebibyte, "GOGC=50"},
		"nothing known":     {argv.KubeAPIServer, 0, "GOGC=50"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(environment(test.component, test.memoryBytes), " "); got != test.want {
				t.Errorf("environment = %s; want %s", got, test.want)
			}
		})
	}
}

func TestEveryComponentHasAShare(t *testing.T) {
	for _, name := range []string{
		argv.Kine, argv.VolatileKine, argv.Etcd, argv.KubeAPIServer, argv.KubeControllerManager, argv.KubeScheduler, argv.KonnectivityServer,
		argv.MetricsServer,
	} {
		if shares()[name] == 0 {
			t.Errorf("%s has no share, and would clean up all the time", name)
		}
	}
}
