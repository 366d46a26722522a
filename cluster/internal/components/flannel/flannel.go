// Package flannel carries flannel, the network between the nodes: a daemon on
// the packages of flanneld, with its flags, less what a node of ours never
// uses. Leases come from the API server alone, packets are filtered by nftables
// alone, and the backends are vxlan, host-gw and wireguard.
package flannel

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const (
	module = "github.com/flannel-io/flannel"
	name   = "flanneld"

	exitFailure = 1
	exitUsage   = 2
)

// Program is flanneld.
func Program() multicall.Program {
	return multicall.Program{
		Name:    name,
		Summary: "Network between the nodes' pods: vxlan, host-gw or wireguard",
		Module:  module,
		Main:    run,
		Serve:   serveArgs,
	}
}

// serveArgs is the daemon within a process of others.
func serveArgs(ctx context.Context, argv []string) error {
	opts, err := parseOptions(argv[1:], os.LookupEnv, io.Discard)
	if err != nil {
		return err
	}
	return serve(ctx, opts)
}

func run(argv []string) int {
	defer klog.Flush()
	opts, err := parseOptions(argv[1:], os.LookupEnv, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\nSee '%s --help'.\n", name, err, name)
		return exitUsage
	case opts.version:
		fmt.Println(version.Current().Module(module).Version)
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, opts); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return exitFailure
	}
	return 0
}
