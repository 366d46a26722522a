//go:build !without_controller && without_worker

package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/controller"
)

// withWorker is nothing in a build without a worker.
type withWorker struct{}

func (withWorker) add(*pflag.FlagSet) {}

func (withWorker) check() error { return nil }

func (withWorker) apply(Env, *controller.Options) {}

func singleCommands(Env) []*cobra.Command { return nil }

func installSingle() []*cobra.Command { return nil }
