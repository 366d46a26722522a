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
	flag.CommandLine = ownFlags(argv[0], flag.CommandLine)
	coremain.Run()
	return 0
}

// upstreamFlags are those that CoreDNS registers for the whole process.
func upstreamFlags() []string {
	return []string{"conf", "dns.port", "log-format", "p", "pidfile", "plugins", "quiet", "version"}
}

// ownFlags is registered without the flags that other packages of this
// executable put there while they initialised: none of them does anything here.
func ownFlags(name string, registered *flag.FlagSet) *flag.FlagSet {
	own := flag.NewFlagSet(name, flag.ExitOnError)
	for _, name := range upstreamFlags() {
		if found := registered.Lookup(name); found != nil {
			own.Var(found.Value, found.Name, found.Usage)
		}
	}
	return own
}
