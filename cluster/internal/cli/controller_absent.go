//go:build without_controller

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"kedge/internal/layout"
)

func controllerCommands(Env) []*cobra.Command { return nil }

func accessCommands(Env) []*cobra.Command { return nil }

func saveBeforeUpgrade(context.Context, Env, layout.Layout) (string, error) {
	return "", errors.New("this build has no controller")
}

func installController() []*cobra.Command { return nil }
