//go:build without_controller

package cli

import "github.com/spf13/cobra"

func controllerCommands(Env) []*cobra.Command { return nil }

func accessCommands(Env) []*cobra.Command { return nil }

func installController() []*cobra.Command { return nil }
