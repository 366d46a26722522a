// Package containerd carries the containerd daemon with the plugins that a device uses.
package containerd

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/cmd/containerd/command"
	upstream "github.com/containerd/containerd/v2/version"
	"github.com/urfave/cli/v3"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const module = "github.com/containerd/containerd/v2"

// Program is containerd.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "containerd",
		Summary: "Container runtime of a node",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	// Read by --version, the CRI and the introspection service, all later than
	// this. The metric containerd_build_info alone was made while packages
	// initialised and keeps what the linker was told.
	upstream.Version = version.Current().Module(module).Version
	// Both containerd and ctr set this while packages initialise; ctr's lacks
	// the revision, by which scripts tell the number of words.
	cli.VersionPrinter = func(command *cli.Command) {
		fmt.Fprintln(command.Root().Writer, command.Name, upstream.Package, command.Version, upstream.Revision)
	}
	if err := command.App().Run(context.Background(), argv); err != nil {
		fmt.Fprintln(os.Stderr, "containerd:", err)
		return 1
	}
	return 0
}
