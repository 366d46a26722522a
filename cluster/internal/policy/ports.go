package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// span is a range of ports, its ends included.
type span struct{ first, last int64 }

const (
	firstPort = 1
	lastPort  = math.MaxUint16
)

func isPort(number int64) bool { return number >= firstPort && number <= lastPort }

// ports are conditions on a packet's protocol and port, of which one must hold.
func (c *compiler) ports(s scope, r rule) []string {
	if len(r.ports) == 0 {
		return []string{always}
	}
	spans := make(map[core.Protocol][]span)
	var named []networking.NetworkPolicyPort
	for _, port := range r.ports {
		protocol := protocolOf(port)
		if _, known := protocolNames()[protocol]; !known {
			c.problem(s.policy, "port, which now allows nothing", fmt.Errorf("protocol %q is none of TCP, UDP, SCTP", protocol))
			continue
		}
		if port.Port != nil && port.Port.Type == intstr.String {
			named = append(named, port)
			continue
		}
		numbers, err := spanOf(port)
		if err != nil {
			c.problem(s.policy, "port, which now allows nothing", err)
			continue
		}
		spans[protocol] = append(spans[protocol], numbers)
	}
	return append(numberConditions(spans), c.namedCondition(s, named)...)
}

// protocolNames are the protocols that have ports, as nftables calls them.
func protocolNames() map[core.Protocol]string {
	return map[core.Protocol]string{core.ProtocolTCP: "tcp", core.ProtocolUDP: "udp", core.ProtocolSCTP: "sctp"}
}

func protocolOf(port networking.NetworkPolicyPort) core.Protocol {
	if port.Protocol == nil {
		return core.ProtocolTCP
	}
	return *port.Protocol
}

func spanOf(port networking.NetworkPolicyPort) (span, error) {
	if port.Port == nil {
		if port.EndPort != nil {
			return span{}, errors.New("endPort without port")
		}
		return span{first: 0, last: lastPort}, nil
	}
	found := span{first: int64(port.Port.IntVal), last: int64(port.Port.IntVal)}
	if port.EndPort != nil {
		found.last = int64(*port.EndPort)
	}
	if !isPort(found.first) || !isPort(found.last) || found.first > found.last {
		return span{}, fmt.Errorf("%d to %d are no ports", found.first, found.last)
	}
	return found, nil
}

// numberConditions has one condition for each protocol.
func numberConditions(spans map[core.Protocol][]span) []string {
	var conditions []string
	for _, protocol := range []core.Protocol{core.ProtocolTCP, core.ProtocolUDP, core.ProtocolSCTP} {
		merged := merge(spans[protocol])
		switch {
		case len(merged) == 0:
		case merged[0].first == 0:
			conditions = append(conditions, "meta l4proto "+protocolNames()[protocol])
		default:
			conditions = append(conditions, protocolNames()[protocol]+" dport "+oneOf(merged.texts()))
		}
	}
	return conditions
}

// spanList is sorted, and no two of its spans touch.
type spanList []span

// merge makes one of spans that overlap, which nftables does not take in one set.
func merge(spans []span) spanList {
	var merged spanList
	for _, next := range slices.SortedFunc(slices.Values(spans), func(a, b span) int { return cmp.Compare(a.first, b.first) }) {
		if last := len(merged) - 1; last >= 0 && next.first <= merged[last].last+1 {
			merged[last].last = max(merged[last].last, next.last)
			continue
		}
		merged = append(merged, next)
	}
	return merged
}

func (l spanList) texts() []string {
	found := make([]string, len(l))
	for i, s := range l {
		found[i] = strconv.FormatInt(s.first, 10)
		if s.last > s.first {
			found[i] += "-" + strconv.FormatInt(s.last, 10)
		}
	}
	return found
}

// namedCondition is that on ports which are called by their names. Each pod may
// have another number by the name, so that address, protocol and port of the
// receiving pod stand together in one set.
func (c *compiler) namedCondition(s scope, named []networking.NetworkPolicyPort) []string {
	receivers, identity := c.receivers(s)
	var wanted []NamedPort
	for _, port := range named {
		if port.EndPort != nil {
			c.problem(s.policy, "port, which now allows nothing", fmt.Errorf("%q is a name, and endPort is for numbers", port.Port.StrVal))
			continue
		}
		wanted = append(wanted, NamedPort{Name: port.Port.StrVal, Protocol: protocolOf(port)})
		identity = append(identity, port.Port.StrVal, string(protocolOf(port)))
	}
	if len(wanted) == 0 {
		return nil
	}
	name := "named-" + hash(identity...)[:setHashLength]
	kind := c.family.address + " . inet_proto . inet_service"
	c.ruleset.add(name, kind)
	for _, e := range receivers {
		for _, port := range e.pod.Ports {
			if !slices.Contains(wanted, NamedPort{Name: port.Name, Protocol: port.Protocol}) {
				continue
			}
			for _, address := range e.addresses {
				c.ruleset.add(name, kind, address.String(), protocolNames()[port.Protocol], strconv.Itoa(int(port.Number)))
			}
		}
	}
	return []string{c.family.field("daddr") + " . meta l4proto . th dport @" + name}
}

// receivers are the pods that a rule of the scope may let connections go to, and
// what tells them from those of other rules. For egress all are: the condition on
// the peer stands beside this one.
func (c *compiler) receivers(s scope) ([]endpoint, []string) {
	if s.direction.kind == networking.PolicyTypeIngress {
		return s.selected, []string{s.direction.chain, s.policy.Namespace, s.policy.Name}
	}
	return c.endpoints, []string{s.direction.chain}
}
