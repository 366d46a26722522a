// Package ctr carries ctr, the command line of containerd.
package ctr

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/cmd/ctr/app"
	upstream "github.com/containerd/containerd/v2/version"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const module = "github.com/containerd/containerd/v2"

// Program is ctr.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "ctr",
		Summary: "Command line of containerd: images and containers of this node",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	upstream.Version = version.Current().Module(module).Version
	if err := app.New().Run(context.Background(), argv); err != nil {
		fmt.Fprintln(os.Stderr, "ctr:", err)
		return 1
	}
	return 0
}
