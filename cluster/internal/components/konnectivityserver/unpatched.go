//go:build unpatched

// Package konnectivityserver without cluster/patches/konnectivity-server-embedding.patch
// is for analysers, which see upstream's modules as they are released.
package konnectivityserver

import (
	"fmt"
	"os"

	"kedge/internal/multicall"
	"kedge/internal/upstream/konnectivity"
)

// Program refuses to start: upstream's server believes what agents say of themselves.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "konnectivity-server",
		Summary: "Tunnel to the nodes, the controller's end",
		Module:  konnectivity.Module,
		Main: func([]string) int {
			fmt.Fprintln(os.Stderr, "konnectivity-server: this kedge was built with the tag unpatched, which is for analysers; build it without")
			return 1
		},
	}
}
