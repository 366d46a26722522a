//go:build unpatched

// Package metricsserver without cluster/patches/konnectivity-agent-dial.patch is
// for analysers, which see upstream's modules as they are released.
package metricsserver

import (
	"fmt"
	"os"

	"kedge/internal/multicall"
)

// Program refuses to start: upstream's agent dials whatever it is told.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "metrics-server",
		Summary: "CPU and memory of nodes and pods, for kubectl top and autoscaling",
		Module:  "sigs.k8s.io/metrics-server",
		Main: func([]string) int {
			fmt.Fprintln(os.Stderr, "metrics-server: this kedge was built with the tag unpatched, which is for analysers; build it without")
			return 1
		},
	}
}
