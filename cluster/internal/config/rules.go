package config

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"kedge/internal/words"
)

// rule is what a value must be. The JSON Schema is made of it too, so what can
// be said by choices, pattern and range is said by them; fits adds what cannot.
type rule struct {
	what     string // ends the sentence "it must be ..."
	choices  []string
	forbids  bool // choices are what it must not be
	pattern  string
	min, max int
	fits     func(string) bool
	secret   bool // the value may have a password in it and is not repeated
}

const (
	label     = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`
	hostLabel = `[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?`
	domain    = label + `(\.` + label + `)*`
	hostName  = hostLabel + `(\.` + hostLabel + `)*`
	// octets and colons are what an address is written with; fits reads it.
	octets     = `[0-9]{1,3}(\.[0-9]{1,3}){3}`
	colons     = `[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*`
	pathPart   = `[a-z0-9]+([._-]+[a-z0-9]+)*`
	imagePath  = hostName + `(:[0-9]{1,5})?(/` + pathPart + `)*`
	maxPort    = 65535
	tunnelMax  = 49151
	nodeMask4  = 24
	nodeMask6  = 64
	serviceMax = 20 // bits for hosts that the API server takes
	serviceMin = 4  // with fewer there is no tenth address, which is the DNS service's
)

// ruleNamed finds a rule by its name in a tag.
func ruleNamed(name string) rule {
	switch name {
	case "":
		return rule{}
	case "port":
		return rule{what: "a port from 1 to 65535", min: 1, max: maxPort}
	case "seconds":
		return rule{what: "a number of seconds from 1 to 2147483647", min: 1, max: math.MaxInt32}
	case "tunnelPort":
		return rule{what: "a port from 1 to 49151", min: 1, max: tunnelMax}
	}
	if choices := choicesNamed(name); choices != nil {
		return rule{choices: choices, what: strings.Join(choices, " or ")}
	}
	if name == "kubeletField" {
		return rule{choices: []string{"apiVersion", "kind", "clusterDNS", "clusterDomain", "staticPodURL"}, forbids: true, what: "a field that kedge does not set itself"}
	}
	return textRule(name)
}

func choicesNamed(name string) []string {
	return map[string][]string{
		"apiVersion": {APIVersion},
		"kind":       {Kind},
		"storage":    {"kine", "etcd"},
		"provider":   {FlannelProvider, "custom"},
		"backend":    {"vxlan", "host-gw", "wireguard"},
		"proxyMode":  {"nftables", "iptables", "ipvs"},
		"pullPolicy": {"Always", "IfNotPresent", "Never"},
		"gated":      {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"},
		"executable": {
			"containerd", "coredns", "etcd", "flannel", "kine", "konnectivity-agent", "konnectivity-server", "kube-apiserver",
			"kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet", "metrics-server",
		},
	}[name]
}

func textRule(name string) rule {
	return map[string]rule{
		"name":       {what: "a name of lower-case letters, digits and dashes, at most 63", pattern: label},
		"domain":     {what: "a domain such as cluster.local", pattern: domain},
		"address":    {what: "an IP address at which other machines reach this one, such as 192.0.2.10", pattern: octets + `|` + colons, fits: isReachable},
		"host":       {what: "a host name or an IP address", pattern: hostName + `|` + colons, fits: isHost},
		"cidr":       {what: "a network, such as 10.244.0.0/16", pattern: `(` + octets + `|` + colons + `)/[0-9]{1,3}`, fits: isNetwork},
		"flag":       {what: "the name of a flag, without dashes in front", pattern: `[a-z0-9][-a-z0-9]*`},
		"path":       {what: "an absolute path", pattern: `/[^\x00]*`},
		"dataSource": {what: "a database such as sqlite:///file, postgres://... or mysql://...", pattern: `(sqlite|postgres|postgresql|mysql)://.+`, secret: true},
		"repository": {what: "a registry such as registry.example.com:5000/kedge", pattern: imagePath},
		"image":      {what: "an image's name without a tag, such as registry.example.com/pause", pattern: imagePath},
		"tag":        {what: "an image's tag, such as 3.10.2", pattern: `[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}`},
		"gate":       {what: "the name of a feature, such as NodeSwap", pattern: `[A-Z][A-Za-z0-9]*`},
	}[name]
}

// whole is the pattern for all of a value. Go's $ and that of JSON Schema mean
// the end, not a newline before it.
func (r rule) whole() string { return `^(` + r.pattern + `)$` }

// problemOf says what is wrong with a text; it is empty when nothing is.
func (r rule) problemOf(text string) string {
	switch {
	case r.choices != nil && slices.Contains(r.choices, text) == r.forbids:
		return fmt.Sprintf("%q must be %s%s", text, r.what, r.meant(text))
	case r.pattern != "" && !regexp.MustCompile(r.whole()).MatchString(text), r.fits != nil && !r.fits(text):
		if r.secret {
			return "it must be " + r.what
		}
		return fmt.Sprintf("%q must be %s", text, r.what)
	}
	return ""
}

func (r rule) meant(text string) string {
	if near, ok := words.Nearest(text, r.choices); ok && !r.forbids {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

func isAddress(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Zone() == "" && !address.IsUnspecified()
}

// isReachable refuses what the API server refuses for endpoints: addresses that
// mean another machine to everybody.
func isReachable(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && isAddress(text) && !address.IsLoopback() && !address.IsLinkLocalUnicast() && !address.IsMulticast()
}

// isHost refuses what looks like an address and is none: 10.0.0.300.
func isHost(text string) bool {
	looksLike := strings.Contains(text, ":") || regexp.MustCompile(`^`+octets+`$`).MatchString(text)
	return !looksLike || isAddress(text)
}

func isNetwork(text string) bool {
	prefix, err := netip.ParsePrefix(text)
	return err == nil && prefix == prefix.Masked()
}
