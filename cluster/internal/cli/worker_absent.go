//go:build without_worker

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"kedge/internal/layout"
)

func airgapWorkerCommands(Env) []*cobra.Command { return nil }

func workerCommands(Env) []*cobra.Command { return nil }

func serverVersion(context.Context, layout.Layout) string { return "" }

func installWorker() []*cobra.Command { return nil }

func madeByNode(layout.Layout) []string { return nil }

func undoNode(context.Context, layout.Layout) error { return nil }
