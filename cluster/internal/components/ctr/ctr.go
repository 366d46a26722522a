// Package ctr carries ctr, the command line of containerd.
package ctr

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/containerd/v2/cmd/ctr/app"
	upstream "github.com/containerd/containerd/v2/version"
	"github.com/urfave/cli/v3"

	"kedge/internal/layout"
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
	if err := command().Run(context.Background(), argv); err != nil {
		fmt.Fprintln(os.Stderr, "ctr:", err)
		return 1
	}
	return 0
}

// command is ctr, which speaks to a worker's containerd about what pods have,
// where neither a flag nor a variable says otherwise.
func command() *cli.Command {
	defaults := map[string]string{
		"address":   layout.Layout{RunDir: layout.DefaultRunDir}.ContainerdSocket(),
		"namespace": "k8s.io",
	}
	made := app.New()
	for _, flag := range made.Flags {
		if text, ok := flag.(*cli.StringFlag); ok {
			if value, ok := defaults[text.Name]; ok {
				text.Value = value
			}
		}
	}
	return made
}
