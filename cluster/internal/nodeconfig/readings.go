package nodeconfig

import (
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// What patterns cannot say, by the words in which the schema has it.
const (
	anEndpoint         = "HOST or HOST:PORT; an IPv6 address with a port stands in brackets"
	anAddress          = "an IP address, such as 192.0.2.7"
	anInterfaceAddress = "an address with the length of its network, such as 192.0.2.7/24"
	anAuthority        = "certificates of authorities, in PEM"
)

// readings return what is wrong with a text, or nothing.
func readings() map[string]func(text string) string {
	return map[string]func(string) string{
		anEndpoint: endpointProblem,
		anAddress: func(text string) string {
			_, err := netip.ParseAddr(text)
			return unless(err == nil, anAddress)
		},
		anInterfaceAddress: func(text string) string {
			_, err := netip.ParsePrefix(text)
			return unless(err == nil, anInterfaceAddress)
		},
		anAuthority: func(text string) string { return unless(areAuthorities(text), anAuthority) },
	}
}

func unless(good bool, meaning string) string {
	if good {
		return ""
	}
	return "must be " + meaning
}

// maxHost is what DNS takes.
const (
	maxHost = 253
	maxPort = 65535
)

var (
	endpointText = regexp.MustCompile(`^(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?$`)
	hostName     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
	digits       = regexp.MustCompile(`^[0-9]+$`)
)

func endpointProblem(text string) string {
	if strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "[") {
		text = "[" + text + "]"
	}
	parts := endpointText.FindStringSubmatch(text)
	if parts == nil {
		return "must be " + anEndpoint
	}
	six, host, port := parts[1], strings.ToLower(parts[2]), parts[3]
	if number, err := strconv.Atoi(port); port != "" && (err != nil || number < 1 || number > maxPort) {
		return "a port is a number from 1 to 65535"
	}
	if six != "" {
		address, err := netip.ParseAddr(six)
		return unless(err == nil && address.Is6(), "an IPv6 address in brackets")
	}
	if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
		return ""
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return unless(!digits.MatchString(last) && len(host) <= maxHost && hostName.MatchString(host), "a host name or an IP address")
}

// areAuthorities says whether text has certificates, and all of them may sign others.
func areAuthorities(text string) bool {
	rest, found := []byte(text), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found > 0 && strings.Count(text, "-----BEGIN CERTIFICATE-----") == found
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !certificate.BasicConstraintsValid || !certificate.IsCA {
			return false
		}
		found++
	}
}
