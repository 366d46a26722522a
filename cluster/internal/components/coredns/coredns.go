// Package coredns carries CoreDNS with the plugins of a cluster's DNS.
package coredns

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/coredns/caddy"
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
		Serve:   serve,
	}
}

func run([]string) int {
	if err := checkVersion(); err != nil {
		fmt.Fprintln(os.Stderr, "coredns:", err)
		return 1
	}
	flag.CommandLine = flags
	coremain.Run()
	return 0
}

// checkVersion fails where it would lie about its version.
func checkVersion() error {
	linked := version.Current().Module(module)
	if _, err := version.CheckStamp("v"+coremain.CoreVersion, linked); err != nil {
		return err
	}
	if coremain.GitCommit == "" {
		// The module's digest says as exactly what the source was.
		coremain.GitCommit = linked.Sum
	}
	return nil
}

// serve runs a server within a process of others: as coremain.Run does, but for
// signals, and for how many processors the whole process uses.
func serve(ctx context.Context, argv []string) error {
	if err := checkVersion(); err != nil {
		return err
	}
	flags.Init(flags.Name(), flag.ContinueOnError)
	if err := flags.Parse(argv[1:]); err != nil {
		return err
	}
	corefile, err := caddy.LoadCaddyfile("dns")
	if err != nil {
		return err
	}
	instance, err := caddy.Start(corefile)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		instance.Wait() // also for those that take its place when the file changes
		close(ended)
	}()
	select {
	case <-ended:
		return errors.New("its servers have ended")
	case <-ctx.Done():
	}
	defer func() { <-ended }()
	return stop()
}

// stop ends the servers. The instance that was started may have been replaced
// since, when its file changed.
func stop() error {
	var problems []error
	for _, instance := range caddy.Instances() {
		problems = append(problems, instance.ShutdownCallbacks()...)
	}
	return errors.Join(append(problems, caddy.Stop())...)
}
