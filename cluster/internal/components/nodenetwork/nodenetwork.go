// Package nodenetwork carries the process that the components of a node's network
// share. Each process of this executable takes megabytes before it has done
// anything, since all packages of all components initialise in it.
package nodenetwork

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"kedge/internal/multicall"
	"kedge/internal/together"
	"kedge/internal/version"
)

const (
	module = "kedge"
	name   = "node-network"

	exitFailure = 1
	exitUsage   = 2
)

// Program is node-network, which can run these programs.
func Program(programs ...multicall.Program) multicall.Program {
	return multicall.Program{
		Name:    name,
		Summary: "Several components of a node's network in one process, as kedge worker says",
		Module:  module,
		Main:    func(argv []string) int { return run(argv, programs) },
	}
}

func run(argv []string, programs []multicall.Program) int {
	defer klog.Flush()
	opts, err := parseOptions(argv[1:], os.Stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\nSee '%s --help'.\n", name, err, name)
		return exitUsage
	case opts.version:
		fmt.Println(version.Current().Module(module).Version)
		return 0
	}
	if err := keepCapabilities(unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return exitFailure
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := together.Run(ctx, opts.socket, programs); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return exitFailure
	}
	return 0
}

// options are the flags.
type options struct {
	socket  string
	version bool
}

// parseOptions reads the command line. help receives the list of flags when it
// is asked for, and then the error is pflag.ErrHelp.
func parseOptions(args []string, help io.Writer) (options, error) {
	var opts options
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(help)
	flags.Usage = func() {
		fmt.Fprintf(help, "Usage: %s --socket PATH\n'kedge worker' starts it, and tells it through the socket what to run.\n%s", name, flags.FlagUsages())
	}
	flags.StringVar(&opts.socket, "socket", "", "socket of who says what shall run")
	flags.BoolVar(&opts.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("takes flags only, got %q", flags.Arg(0))
	case opts.socket == "" && !opts.version:
		return options{}, errors.New("--socket is missing: it says who knows what shall run")
	}
	return opts, nil
}
