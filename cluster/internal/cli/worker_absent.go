//go:build without_worker

package cli

import "github.com/spf13/cobra"

func airgapWorkerCommands(Env) []*cobra.Command { return nil }

func workerCommands(Env) []*cobra.Command { return nil }

func installWorker() []*cobra.Command { return nil }
