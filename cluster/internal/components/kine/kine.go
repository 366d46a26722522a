// Package kine carries kine, which serves the etcd API from an SQL database.
package kine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/k3s-io/kine/pkg/app"
	upstream "github.com/k3s-io/kine/pkg/version"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const (
	module = "github.com/k3s-io/kine"
	// noCommit is what upstream shows when the linker was told no commit.
	noCommit = "HEAD"
)

// Program is kine.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kine",
		Summary: "etcd API on SQLite: the state of a single controller",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	linked := version.Current().Module(module)
	upstream.Version = linked.Version
	if upstream.GitCommit == noCommit && linked.Sum != "" {
		// The module's digest says as exactly what the source was.
		upstream.GitCommit = linked.Sum
	}
	err := app.New().Run(argv)
	// Cancelled is how kine reports that a signal ended it.
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "kine:", err)
		return 1
	}
	return 0
}
