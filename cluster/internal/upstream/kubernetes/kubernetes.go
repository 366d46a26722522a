// Package kubernetes runs the commands of the Kubernetes repository the way
// their own executables do, and sees to it that they tell their true version.
package kubernetes

import (
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client-go's request metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	componentversion "k8s.io/component-base/version"

	"kedge/internal/version"
)

// Module is where all commands of this package come from.
const Module = "k8s.io/kubernetes"

// Main runs the command that newCommand makes and returns its exit code, as
// Checked permits.
func Main(argv []string, newCommand func() *cobra.Command) int {
	return Checked(argv, func() int { return cli.Run(newCommand()) })
}

// Checked calls run unless this executable would lie about its version.
//
// Kubernetes knows its version from the linker alone, while packages
// initialise, so nothing here can correct it. An executable that was stamped
// with a version other than the one it links does not start. One that was not
// stamped at all is a developer's: it says so, and answers --version from the
// list of linked modules.
func Checked(argv []string, run func() int) int {
	module := version.Current().Module(Module)
	stamp, err := version.CheckStamp(componentversion.Get().GitVersion, module)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", argv[0], err)
		return 1
	}
	if stamp == version.StampAbsent {
		if slices.Contains(argv[1:], "--version") {
			fmt.Printf("Kubernetes %s\n", module.Version)
			return 0
		}
		slog.Warn("built without a version stamp: API clients see a placeholder", "component", argv[0], "version", module.Version)
	}
	return run()
}
