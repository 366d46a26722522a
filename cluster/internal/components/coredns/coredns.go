// Package coredns carries CoreDNS with the plugins of a cluster's DNS.
package coredns

import (
	"flag"
	"fmt"
	"os"

	"github.com/coredns/coredns/coremain"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const module = "github.com/coredns/coredns"

// Program is coredns.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "coredns",
		Summary: "DNS of the cluster: names of services and pods",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	linked := version.Current().Module(module)
	if _, err := version.CheckStamp("v"+coremain.CoreVersion, linked); err != nil {
		fmt.Fprintln(os.Stderr, "coredns:", err)
		return 1
	}
	if coremain.GitCommit == "" {
		// The module's digest says as exactly what the source was.
		coremain.GitCommit = linked.Sum
	}
	flag.CommandLine = flags
	coremain.Run()
	return 0
}
