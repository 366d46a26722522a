// Package kine carries kine, which serves the etcd API from an SQL database.
package kine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/k3s-io/kine/pkg/app"
	"github.com/k3s-io/kine/pkg/endpoint"
	upstream "github.com/k3s-io/kine/pkg/version"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const (
	module = "github.com/k3s-io/kine"
	// noCommit is what upstream shows when the linker was told no commit.
	noCommit = "HEAD"
	// secondStore stands before the flags of a second store in the same process.
	secondStore = "--"
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
	err := serve(argv)
	// Cancelled is how kine reports that a signal ended it.
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "kine:", err)
		return 1
	}
	return 0
}

// serve keeps one store or two until a signal comes. A second process would have
// to be paid for in memory, most of which no store needs.
func serve(argv []string) error {
	at := slices.Index(argv, secondStore)
	if at < 0 {
		return app.New().Run(argv)
	}
	// Upstream parses into one variable of the package: the second store's first.
	second := app.Config(argv[at+1:])
	second.WaitGroup = &sync.WaitGroup{}
	defer second.WaitGroup.Wait()
	ctx, end := context.WithCancel(context.Background())
	defer end()
	if _, err := endpoint.Listen(ctx, second); err != nil {
		return fmt.Errorf("second store: %w", err)
	}
	return app.New().Run(argv[:at])
}
