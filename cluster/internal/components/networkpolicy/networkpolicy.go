// Package networkpolicy carries what enforces network policies on a node. It is
// kedge's own, and a component like those of others.
package networkpolicy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"kedge/internal/multicall"
	"kedge/internal/policy"
	"kedge/internal/version"
)

const (
	module = "kedge"
	name   = "network-policy"

	exitFailure = 1
	exitUsage   = 2
)

// Program is network-policy.
func Program() multicall.Program {
	return multicall.Program{
		Name:    name,
		Summary: "Network policies of a node's pods, enforced with nftables",
		Module:  module,
		Main:    run,
		Serve:   serveArgs,
	}
}

// serveArgs enforces within a process of others.
func serveArgs(ctx context.Context, argv []string) error {
	opts, err := parseOptions(argv[1:], io.Discard)
	if err != nil {
		return err
	}
	return serve(ctx, opts, logger(opts))
}

func run(argv []string) int {
	opts, err := parseOptions(argv[1:], os.Stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
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
	work := serve
	if opts.cleanup {
		work = func(ctx context.Context, _ options, _ *slog.Logger) error { return policy.Cleanup(ctx, os.DirFS("/")) }
	}
	log := logger(opts)
	klog.SetSlogLogger(log)
	if err := work(ctx, opts, log); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return exitFailure
	}
	return 0
}

// logger writes to stderr.
func logger(opts options) *slog.Logger {
	level := slog.LevelInfo
	if opts.debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
