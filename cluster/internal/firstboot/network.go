package firstboot

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"kedge/internal/nodeconfig"
)

// networkDir is read by systemd-networkd; an earlier name wins over the file
// for all interfaces in overlays/base.
const networkDir = "run/systemd/network"

func interfaceNames(config nodeconfig.Config) []string {
	return slices.Sorted(maps.Keys(config.Network.Interfaces))
}

// configureNetwork writes a file for each interface, for the tagged networks
// themselves, and for interfaces that only carry one.
func (d Device) configureNetwork(config nodeconfig.Config) error {
	interfaces := maps.Clone(config.Network.Interfaces)
	tagged := make(map[string][]string) // by what carries them
	for _, name := range interfaceNames(config) {
		if vlan := interfaces[name].VLAN; vlan != nil {
			tagged[vlan.Parent] = append(tagged[vlan.Parent], name)
			if _, has := interfaces[vlan.Parent]; !has {
				interfaces[vlan.Parent] = nodeconfig.Interface{}
			}
		}
	}
	var problems error
	for name, one := range interfaces {
		problems = errors.Join(problems, write(d.networkFile(name, "network"), []byte(networkText(name, one, tagged[name])), public))
		if one.VLAN != nil {
			problems = errors.Join(problems, write(d.networkFile(name, "netdev"), []byte(tagText(name, *one.VLAN)), public))
		}
	}
	return problems
}

func (d Device) networkFile(name, kind string) string {
	return d.path(fmt.Sprintf("%s/10-node-%s.%s", networkDir, name, kind))
}

// networkText is a file as in systemd.network(5). Names of hosts are neither
// told nor taken, as with all other interfaces.
func networkText(name string, one nodeconfig.Interface, tagged []string) string {
	lines := []string{"[Match]", "Name=" + name, "", "[Network]", "DHCP=" + map[bool]string{true: "yes", false: "no"}[one.AsksForAddress()]}
	for _, address := range one.Addresses {
		lines = append(lines, "Address="+address)
	}
	if one.Gateway != "" {
		lines = append(lines, "Gateway="+one.Gateway)
	}
	for _, server := range one.Nameservers {
		lines = append(lines, "DNS="+server)
	}
	for _, vlan := range tagged {
		lines = append(lines, "VLAN="+vlan)
	}
	lines = append(lines, "", "[DHCPv4]", "SendHostname=no", "UseHostname=no", "", "[DHCPv6]", "UseHostname=no", "")
	return strings.Join(lines, "\n")
}

// tagText is a file as in systemd.netdev(5).
func tagText(name string, vlan nodeconfig.VLAN) string {
	return fmt.Sprintf("[NetDev]\nName=%s\nKind=vlan\n\n[VLAN]\nId=%d\n", name, vlan.Number)
}

var rawKey = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// wirelessText is a file as in wpa_supplicant.conf(5). The network's name is
// written in hexadecimal digits, which no character of it disturbs.
func wirelessText(one nodeconfig.WiFi) string {
	secret := "key_mgmt=NONE"
	switch {
	case rawKey.MatchString(one.Passphrase):
		secret = "key_mgmt=WPA-PSK\n\tpsk=" + one.Passphrase
	case one.Passphrase != "":
		// To the last quote of the line, whatever stands before it.
		secret = "key_mgmt=WPA-PSK SAE\n\tieee80211w=1\n\tpsk=\"" + one.Passphrase + "\""
	}
	return fmt.Sprintf("ctrl_interface=/run/wpa_supplicant\ncountry=%s\nnetwork={\n\tssid=%x\n\t%s\n}\n", one.Country, one.SSID, secret)
}
