package flannel

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"k8s.io/klog/v2"
)

// envPrefix begins the name of the environment variable that stands for a flag:
// FLANNELD_IP_MASQ for --ip-masq.
const envPrefix = "FLANNELD_"

// options are flanneld's flags, under its names and with its defaults.
type options struct {
	version bool

	kubeAPIURL                string
	kubeConfigFile            string
	kubeAnnotationPrefix      string
	kubeSubnetManager         bool
	netConfigPath             string
	setNodeNetworkUnavailable bool

	interfaces       names
	interfaceRegexes names
	interfaceToReach string
	publicIP         string
	publicIPv6       string

	subnetFile           string
	masquerade           bool
	masqueradePortsInRow bool
	forwardRules         bool
	resyncSeconds        int
	blackholeRoute       bool

	healthzIP   string
	healthzPort int
}

// names collects a flag that may be given several times.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

// Set adds one value.
func (n *names) Set(value string) error {
	*n = append(*n, value)
	return nil
}

// parseOptions reads the command line; what it leaves open may stand in the
// environment. help receives the list of flags when it is asked for, and then
// the error is flag.ErrHelp.
func parseOptions(args []string, lookupEnv func(string) (string, bool), help io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told once, by the caller
	opts.register(flags)
	if err := addLogFlags(flags); err != nil {
		return options{}, err
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		fmt.Fprintf(help, "Usage: %s [flags]\nWhat the command line leaves open may stand in the environment: %sIP_MASQ for --ip-masq.\n", name, envPrefix)
		flags.PrintDefaults()
		return options{}, err
	} else if err != nil {
		return options{}, err
	}
	if err := fromEnvironment(flags, lookupEnv); err != nil {
		return options{}, err
	}
	return opts, opts.check(flags.Args())
}

func (o *options) register(flags *flag.FlagSet) {
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	flags.StringVar(&o.kubeAPIURL, "kube-api-url", "", "URL of the API server; default: as the kubeconfig says")
	flags.StringVar(&o.kubeConfigFile, "kubeconfig-file", "", "path of the kubeconfig; default: the pod's service account")
	flags.StringVar(&o.kubeAnnotationPrefix, "kube-annotation-prefix", "flannel.alpha.coreos.com", "what the annotations of Node objects begin with")
	flags.BoolVar(&o.kubeSubnetManager, "kube-subnet-mgr", true, "take leases from the API server; nothing else is there")
	flags.StringVar(&o.netConfigPath, "net-config-path", "/etc/kube-flannel/net-conf.json", "path of the network configuration")
	flags.BoolVar(&o.setNodeNetworkUnavailable, "set-node-network-unavailable", true, "set the node's condition NetworkUnavailable to false when ready")
	flags.Var(&o.interfaces, "iface", "interface between the nodes, by name or address; repeat it to try several in order")
	flags.Var(&o.interfaceRegexes, "iface-regex", "regular expression for its name or address, tried after all --iface; may be repeated")
	flags.StringVar(&o.interfaceToReach, "iface-can-reach", "", "use the interface through which this address is reached")
	flags.StringVar(&o.publicIP, "public-ip", "", "address by which other nodes reach this one; default: the interface's")
	flags.StringVar(&o.publicIPv6, "public-ipv6", "", "the same for IPv6")
	flags.StringVar(&o.subnetFile, "subnet-file", "/run/flannel/subnet.env", "path of the file that tells the CNI plugin this node's subnet")
	flags.BoolVar(&o.masquerade, "ip-masq", false, "masquerade what leaves the pod network")
	flags.BoolVar(&o.masqueradePortsInRow, "ip-masq-fully-random-disable", false, "do not choose the ports of masqueraded connections at random")
	flags.BoolVar(&o.forwardRules, "iptables-forward-rules", true, "add rules that accept forwarded packets of the pod network (nftables, in spite of the name)")
	flags.IntVar(&o.resyncSeconds, "iptables-resync", 5, "seconds between two checks of the blackhole route")
	flags.BoolVar(&o.blackholeRoute, "ip-blackhole-route", false, "drop packets to addresses of this node's subnet that no pod has; not with the bridge plugin")
	flags.StringVar(&o.healthzIP, "healthz-ip", "0.0.0.0", "address that answers /healthz and /readyz")
	flags.IntVar(&o.healthzPort, "healthz-port", 0, "its port; 0: none")
}

// addLogFlags adds those of klog's flags that choose what is logged. It always
// goes to stderr.
func addLogFlags(flags *flag.FlagSet) error {
	all := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(all)
	for _, setting := range [][2]string{{"logtostderr", "true"}, {"legacy_stderr_threshold_behavior", "false"}, {"stderrthreshold", "INFO"}} {
		if err := all.Set(setting[0], setting[1]); err != nil {
			return fmt.Errorf("set up logging: %w", err)
		}
	}
	for _, chosen := range []string{"v", "vmodule", "log_backtrace_at"} {
		found := all.Lookup(chosen)
		flags.Var(found.Value, found.Name, found.Usage)
	}
	return nil
}

// fromEnvironment sets the flags that the command line did not.
func fromEnvironment(flags *flag.FlagSet, lookupEnv func(string) (string, bool)) error {
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var failure error
	flags.VisitAll(func(f *flag.Flag) {
		variable := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := lookupEnv(variable)
		if !ok || value == "" || given[f.Name] || failure != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failure = fmt.Errorf("environment variable %s=%q: %w", variable, value, err)
		}
	})
	return failure
}

func (o options) check(words []string) error {
	const seconds = 1
	switch {
	case len(words) > 0:
		return fmt.Errorf("takes flags only, got %q", words[0])
	case !o.kubeSubnetManager && !o.version:
		return fmt.Errorf("--kube-subnet-mgr=false: leases in etcd are not part of this build; they come from the API server")
	case o.resyncSeconds < seconds:
		return fmt.Errorf("--iptables-resync=%d: must be at least %d second", o.resyncSeconds, seconds)
	}
	return nil
}
