package coredns

import (
	"flag"
	"slices"

	_ "github.com/coredns/coredns/coremain" // registers the flags
)

// flags are CoreDNS's own. It registers them for the whole process while
// packages initialise. There kube-proxy would take them for its own, and
// CoreDNS those of others: they are parted before anything runs.
var flags = takeFlags(upstreamFlags())

// upstreamFlags are the names that CoreDNS registers.
func upstreamFlags() []string {
	return []string{"conf", "dns.port", "log-format", "p", "pidfile", "plugins", "quiet", "version"}
}

// takeFlags moves the flags with these names from the process's set into one
// of their own.
func takeFlags(names []string) *flag.FlagSet {
	taken := flag.NewFlagSet("coredns", flag.ExitOnError)
	left := flag.NewFlagSet(flag.CommandLine.Name(), flag.CommandLine.ErrorHandling())
	left.Usage = flag.CommandLine.Usage
	flag.CommandLine.VisitAll(func(f *flag.Flag) {
		target := left
		if slices.Contains(names, f.Name) {
			target = taken
		}
		target.Var(f.Value, f.Name, f.Usage)
	})
	flag.CommandLine = left
	return taken
}
