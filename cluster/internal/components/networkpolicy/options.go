package networkpolicy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const (
	defaultResync  = time.Minute
	shortestResync = time.Second
)

// options are the flags, under the names that kube-proxy has for the same.
type options struct {
	kubeconfig  string
	node        string
	healthz     string
	syncPeriod  time.Duration
	cleanup     bool
	debug       bool
	version     bool
	defaultNode func() (string, error)
}

// parseOptions reads the command line. help receives the list of flags when it
// is asked for, and then the error is pflag.ErrHelp.
func parseOptions(args []string, help io.Writer) (options, error) {
	opts := options{defaultNode: os.Hostname}
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(help)
	flags.Usage = func() {
		fmt.Fprintf(help, "Usage: %s --kubeconfig FILE [flags]\n%s", name, flags.FlagUsages())
	}
	opts.register(flags)
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	return opts, opts.check(flags.Args())
}

func (o *options) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "path of the kubeconfig")
	flags.StringVar(&o.node, "hostname-override", "", "name of this node's Node object; default: the host's name")
	flags.StringVar(&o.healthz, "healthz-bind-address", "", "address and port that answer /healthz and /readyz; default: none")
	flags.DurationVar(&o.syncPeriod, "sync-period", defaultResync, "how often the rules are written anew, in case that somebody else changed them")
	flags.BoolVar(&o.cleanup, "cleanup", false, "remove the rules and exit: pods are open then")
	flags.BoolVar(&o.debug, "debug", false, "log each change of the rules")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
}

// check finds what is wrong, and fills in the node's name.
func (o *options) check(words []string) error {
	switch {
	case len(words) > 0:
		return fmt.Errorf("takes flags only, got %q", words[0])
	case o.version, o.cleanup:
		return nil
	case o.kubeconfig == "":
		return errors.New("--kubeconfig is missing: it says where the API server is")
	case o.syncPeriod < shortestResync:
		return fmt.Errorf("--sync-period=%s: must be at least %s", o.syncPeriod, shortestResync)
	}
	if _, _, err := net.SplitHostPort(o.healthz); o.healthz != "" && err != nil {
		return fmt.Errorf("--healthz-bind-address: %w", err)
	}
	if o.node != "" {
		return nil
	}
	host, err := o.defaultNode()
	if err != nil {
		return fmt.Errorf("find the host's name (--hostname-override says the node's): %w", err)
	}
	o.node = strings.ToLower(strings.TrimSpace(host)) // as the kubelet does
	return nil
}
