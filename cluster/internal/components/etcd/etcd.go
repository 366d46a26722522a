// Package etcd carries the etcd server.
package etcd

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	upstream "go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/server/v3/etcdmain"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const (
	module = "go.etcd.io/etcd/server/v3"
	// noCommit is how the text begins that upstream shows when the linker was
	// told no commit.
	noCommit = "Not provided"
	// unsupportedArchEnv makes etcd run on an architecture that upstream does
	// not test, such as 32-bit arm.
	unsupportedArchEnv = "ETCD_UNSUPPORTED_ARCH"
)

// Program is etcd.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "etcd",
		Summary: "Distributed store: the state of several controllers",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	linked := version.Current().Module(module)
	if _, err := version.CheckStamp("v"+upstream.Version, linked); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		return 1
	}
	if strings.HasPrefix(upstream.GitSHA, noCommit) && linked.Sum != "" {
		// The module's digest says as exactly what the source was.
		upstream.GitSHA = linked.Sum
	}
	if onlyAsks(argv[1:]) {
		if err := allowArch(); err != nil {
			fmt.Fprintln(os.Stderr, "etcd:", err)
			return 1
		}
	}
	etcdmain.Main(argv)
	return 0
}

// onlyAsks is true for command lines that start no server.
func onlyAsks(args []string) bool {
	if len(args) != 1 {
		return false
	}
	switch args[0] {
	case "--version", "-version", "--help", "-help", "-h":
		return true
	}
	return false
}

// allowArch lets etcd answer a question on every architecture. Whether it may
// store anything there remains the decision of who starts it.
func allowArch() error {
	if err := os.Setenv(unsupportedArchEnv, runtime.GOARCH); err != nil {
		return fmt.Errorf("set %s: %w", unsupportedArchEnv, err)
	}
	return nil
}
