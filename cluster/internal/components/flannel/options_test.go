package flannel

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
)

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestOptionsComeFromFlagsThenFromTheEnvironment(t *testing.T) {
	env := environment(map[string]string{"FLANNELD_IP_MASQ": "true", "FLANNELD_HEALTHZ_PORT": "1", "FLANNELD_IFACE": "", "IP_MASQ": "false"})
	opts, err := parseOptions([]string{"-healthz-port=2", "--iface=eth0", "--iface", "wlan0"}, env, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !opts.masquerade || opts.healthzPort != 2 || !slices.Equal(opts.interfaces, []string{"eth0", "wlan0"}) {
		t.Errorf("options = %+v", opts)
	}
	if opts.subnetFile != "/run/flannel/subnet.env" || !opts.forwardRules || opts.kubeAnnotationPrefix != "flannel.alpha.coreos.com" {
		t.Errorf("defaults are not flanneld's: %+v", opts)
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{"unknown flag", []string{"--etcd-prefix=/a"}, nil, "not defined: -etcd-prefix"},
		{"word", []string{"run"}, nil, `flags only, got "run"`},
		{"leases in etcd", []string{"--kube-subnet-mgr=false"}, nil, "leases in etcd"},
		{"no period", []string{"--iptables-resync=0"}, nil, "at least 1 second"},
		{"environment", nil, map[string]string{"FLANNELD_HEALTHZ_PORT": "high"}, `FLANNELD_HEALTHZ_PORT="high"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseOptions(test.args, environment(test.env), io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
		})
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	var help strings.Builder
	_, err := parseOptions([]string{"--help"}, environment(nil), &help)
	if !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error %v; want flag.ErrHelp", err)
	}
	for _, want := range []string{"Usage: flanneld", "-kubeconfig-file", "-vmodule"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("help lacks %q:\n%s", want, help.String())
		}
	}
}

func TestMatchers(t *testing.T) {
	for _, test := range []struct {
		name string
		opts options
		want []matcher
	}{
		{"default route", options{}, []matcher{{}}},
		{"public address", options{publicIP: "192.0.2.1", publicIPv6: "2001:db8::1"}, []matcher{{nameOrAddress: "192.0.2.1"}}},
		{"public IPv6 address", options{publicIPv6: "2001:db8::1"}, []matcher{{nameOrAddress: "2001:db8::1"}}},
		{
			"names, then patterns, then the way to an address",
			options{publicIP: "192.0.2.1", interfaceToReach: "192.0.2.2", interfaceRegexes: names{"e.*"}, interfaces: names{"a", "b"}},
			[]matcher{{nameOrAddress: "a"}, {nameOrAddress: "b"}, {regex: "e.*"}, {reaches: "192.0.2.2"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.opts.matchers(); !slices.Equal(got, test.want) {
				t.Errorf("matchers = %+v; want %+v", got, test.want)
			}
		})
	}
}
