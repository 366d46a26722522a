// Package konnectivity runs the commands of apiserver-network-proxy, the
// tunnel through which a control plane reaches nodes that it cannot dial.
package konnectivity

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/grpclog"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/klog/v2"

	"kedge/internal/version"
)

// Module is where the server and the agent come from.
const Module = "sigs.k8s.io/apiserver-network-proxy"

// defaultVerbosity is upstream's own: below it, connections come and go unseen.
const defaultVerbosity = "4"

// Main runs an upstream command under the name argv[0] with the flags that
// upstream's executable gives it, and --version, which upstream does not have.
func Main(argv []string, command *cobra.Command, options *pflag.FlagSet) int {
	defer klog.Flush()
	Quiet()
	// cobra takes over whatever packages registered here while they
	// initialised: Kubernetes' --version would answer instead of this one's.
	pflag.CommandLine = pflag.NewFlagSet(argv[0], pflag.ContinueOnError)
	command.Use = argv[0]
	command.Version = version.Current().Module(Module).Version
	command.SilenceUsage = true
	command.SilenceErrors = true
	flags := command.Flags()
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags.AddFlagSet(options)
	if err := addLogFlags(flags); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", argv[0], err)
		return 1
	}
	command.SetArgs(argv[1:])
	if err := command.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", argv[0], err)
		return 1
	}
	return 0
}

// Quiet leaves errors of gRPC in the log, as upstream's executables do. The API
// server's code, which is linked too, sends its warnings there: a line would tell
// that each stream was closed.
func Quiet() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, os.Stderr)) }

// addLogFlags adds klog's flags.
func addLogFlags(flags *pflag.FlagSet) error {
	logFlags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(logFlags)
	if err := logFlags.Set("v", defaultVerbosity); err != nil {
		return fmt.Errorf("set the default verbosity: %w", err)
	}
	flags.AddGoFlagSet(logFlags)
	return nil
}
