// Package etcdutl carries the commands of etcdutl, which work on etcd's files
// while no etcd runs. Upstream's own root command is in a main package.
package etcdutl

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/etcdutl/v3/etcdutl"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const (
	module = "go.etcd.io/etcd/etcdutl/v3"
	// lockTimeout is upstream's.
	lockTimeout = 10 * time.Second
)

// Program is etcdutl.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "etcdutl",
		Summary: "Work on etcd's files: restore a snapshot, defragment",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	// What packages of other components registered here is not etcdutl's, and
	// a --version among it is in the way of its own.
	pflag.CommandLine = pflag.NewFlagSet(argv[0], pflag.ContinueOnError)
	root := &cobra.Command{
		Use: "etcdutl", Short: "Work on etcd's files while no etcd runs", Version: version.Current().Module(module).Version,
	}
	root.AddCommand(
		etcdutl.NewDefragCommand(), etcdutl.NewSnapshotCommand(), etcdutl.NewHashKVCommand(),
		etcdutl.NewVersionCommand(), etcdutl.NewMigrateCommand(),
	)
	root.PersistentFlags().DurationVar(&etcdutl.FlockTimeout, "timeout", lockTimeout, "time to wait for the lock of a database's file")
	root.PersistentFlags().StringVarP(&etcdutl.OutputFormat, "write-out", "w", "simple", "form of the output: fields, json, protobuf, simple, table")
	root.SetArgs(argv[1:])
	if root.Execute() != nil { // the commands of upstream end the process with codes of their own
		return 1
	}
	return 0
}
