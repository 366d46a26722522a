// Package metricsserver carries metrics-server.
package metricsserver

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/logs"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"

	"kedge/internal/multicall"
	"kedge/internal/version"
)

const module = "sigs.k8s.io/metrics-server"

// Program is metrics-server.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "metrics-server",
		Summary: "CPU and memory of nodes and pods, for kubectl top and autoscaling",
		Module:  module,
		Main:    run,
	}
}

func run(argv []string) int {
	logs.InitLogs()
	defer logs.FlushLogs()
	command := app.NewMetricsServerCommand(genericapiserver.SetupSignalHandler())
	command.Use = argv[0]
	command.SilenceUsage = true
	command.SilenceErrors = true
	command.SetArgs(argv[1:])
	answerVersion(command)
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "metrics-server:", err)
		return 1
	}
	return 0
}

// answerVersion makes --version tell metrics-server's own version: upstream
// reads it where kubectl's and the API clients' is, which here is Kubernetes'.
func answerVersion(command *cobra.Command) {
	serve := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		asked, err := command.Flags().GetBool("version")
		if err != nil {
			return fmt.Errorf("read --version: %w", err)
		}
		if asked {
			_, err := fmt.Fprintln(command.OutOrStdout(), version.Current().Module(module).Version)
			return err
		}
		return serve(command, args)
	}
}
