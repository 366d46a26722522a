package controller

import (
	"fmt"

	"kedge/internal/argv"
	"kedge/internal/role"
)

// oomScore makes the kernel look for other victims first: without its control
// plane nothing on a cluster heals.
const oomScore = -500

const (
	// small is the memory of a machine on which every megabyte counts more than
	// the processor's time. The API server has 83 MB in use when idle, and took
	// 139 MB with the lower percentage, 168 MB with the higher one (amd64).
	small           = 4096 * role.Mebibyte
	garbageIfSmall  = 25
	garbageIfRoomy  = 50
	percentOfMemory = 100
)

// shares are how much of a small machine's memory each component may use before
// it cleans up at any price, in percent. They are no bounds: a component that
// needs more takes it.
func shares() map[string]uint64 {
	return map[string]uint64{
		argv.KubeAPIServer: 45, argv.KubeControllerManager: 15, argv.Kine: 14, argv.Etcd: 20, argv.KubeScheduler: 8, argv.KonnectivityServer: 8,
		argv.VolatileKine: 6, argv.MetricsServer: 6,
	}
}

// environment is what a component is told by variables on a machine with that
// much memory; 0 is one of which nothing is known.
func environment(name string, memoryBytes uint64) []string {
	var env []string
	switch {
	case memoryBytes == 0 || memoryBytes > small:
		env = append(env, fmt.Sprintf("GOGC=%d", garbageIfRoomy))
	default:
		limit := memoryBytes * shares()[name] / percentOfMemory / role.Mebibyte
		env = append(env, fmt.Sprintf("GOGC=%d", garbageIfSmall), fmt.Sprintf("GOMEMLIMIT=%dMiB", limit))
	}
	if name == argv.Etcd {
		// Upstream does not test every architecture; whoever chose etcd there did.
		env = append(env, unsupportedArch()...)
	}
	return env
}
