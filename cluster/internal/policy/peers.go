package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// always is the condition of a rule that has none.
const always = ""

// peers are conditions on a packet's other end, of which one must hold. None
// means that no packet of this address family fits.
func (c *compiler) peers(s scope, peers []networking.NetworkPolicyPeer) []string {
	if len(peers) == 0 {
		return []string{always}
	}
	conditions := c.podCondition(s, peers)
	var plain []netip.Prefix
	for _, peer := range peers {
		if peer.IPBlock == nil || isMixed(peer) {
			continue
		}
		block, except, err := parseBlock(*peer.IPBlock)
		switch {
		case err != nil:
			c.problem(s.policy, "ipBlock, which now allows nothing", err)
		case !c.family.has(block.Addr()):
		case len(except) == 0:
			plain = append(plain, block)
		default:
			conditions = append(conditions, c.within(s, []netip.Prefix{block})+" "+c.outside(s, except))
		}
	}
	if len(plain) > 0 {
		conditions = append(conditions, c.within(s, plain))
	}
	return conditions
}

// podCondition is that on the pods among the peers. All of a rule's are in one
// set, which rules with the same peers share.
func (c *compiler) podCondition(s scope, peers []networking.NetworkPolicyPeer) []string {
	matchers, identity := c.matchers(s, peers)
	if len(matchers) == 0 {
		return nil
	}
	name := "peers-" + identity
	if _, made := c.ruleset.Sets[name]; !made {
		c.ruleset.add(name, c.family.address)
		for _, e := range c.endpoints {
			if !slices.ContainsFunc(matchers, func(m matcher) bool { return m.matches(c.state, e.pod) }) {
				continue
			}
			for _, address := range e.addresses {
				c.ruleset.add(name, c.family.address, address.String())
			}
		}
	}
	return []string{c.family.field(s.direction.peer) + " @" + name}
}

// matcher says which pods a peer means.
type matcher struct {
	namespace  string          // the policy's, where namespaces is nil
	namespaces labels.Selector // nil: the policy's own alone
	pods       labels.Selector
}

func (m matcher) matches(s State, pod *Pod) bool {
	if m.namespaces == nil && pod.Namespace != m.namespace {
		return false
	}
	if m.namespaces != nil {
		// A namespace that is not known yet has no labels that could let it in.
		known, there := s.Namespaces[pod.Namespace]
		if !there || !m.namespaces.Matches(known) {
			return false
		}
	}
	return m.pods.Matches(labels.Set(pod.Labels))
}

// matchers are those of all peers that select pods, and the hash of what they say.
func (c *compiler) matchers(s scope, peers []networking.NetworkPolicyPeer) ([]matcher, string) {
	var found []matcher
	var identity []string
	for _, peer := range peers {
		if isMixed(peer) {
			c.problem(s.policy, "peer, which now allows nothing", errors.New("is to have either ipBlock or selectors"))
			continue
		}
		if peer.IPBlock != nil {
			continue
		}
		m := matcher{namespace: s.policy.Namespace, pods: labels.Everything()}
		var problems [2]error
		if peer.NamespaceSelector != nil {
			m.namespaces, problems[0] = meta.LabelSelectorAsSelector(peer.NamespaceSelector)
		}
		if peer.PodSelector != nil {
			m.pods, problems[1] = meta.LabelSelectorAsSelector(peer.PodSelector)
		}
		encoded, encoding := json.Marshal(peer)
		if err := errors.Join(problems[0], problems[1], encoding); err != nil {
			c.problem(s.policy, "selector of a peer, which now allows nothing", err)
			continue
		}
		found = append(found, m)
		identity = append(identity, string(encoded))
		if m.namespaces == nil {
			identity = append(identity, s.policy.Namespace)
		}
	}
	return found, hash(identity...)[:setHashLength]
}

// isMixed reports whether a peer says nothing, or two things that exclude each other.
func isMixed(peer networking.NetworkPolicyPeer) bool {
	return (peer.IPBlock != nil) == (peer.PodSelector != nil || peer.NamespaceSelector != nil)
}

// parseBlock fails for the whole block where an exception is not understood:
// without that it would allow more than was meant.
func parseBlock(block networking.IPBlock) (netip.Prefix, []netip.Prefix, error) {
	prefix, err := parsePrefix(block.CIDR)
	if err != nil {
		return netip.Prefix{}, nil, err
	}
	var except []netip.Prefix
	for _, text := range block.Except {
		excepted, err := parsePrefix(text)
		if err != nil {
			return netip.Prefix{}, nil, fmt.Errorf("except: %w", err)
		}
		if excepted.Overlaps(prefix) {
			except = append(except, excepted)
		}
	}
	return prefix, except, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if prefix.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 network in IPv6 notation; write it as IPv4", text)
	}
	return prefix.Masked(), nil
}

// within is the condition that the peer's address is in one of the blocks.
func (c *compiler) within(s scope, blocks []netip.Prefix) string {
	blocks = outermost(blocks)
	if slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		return always
	}
	return c.family.field(s.direction.peer) + " " + oneOf(texts(blocks))
}

func (c *compiler) outside(s scope, blocks []netip.Prefix) string {
	return c.family.field(s.direction.peer) + " != " + oneOf(texts(outermost(blocks)))
}

// outermost drops the blocks that lie inside others, which nftables does not
// take in one set.
func outermost(blocks []netip.Prefix) []netip.Prefix {
	sorted := slices.SortedFunc(slices.Values(blocks), netip.Prefix.Compare)
	var found []netip.Prefix
	for _, block := range sorted {
		if !slices.ContainsFunc(found, func(outer netip.Prefix) bool { return outer.Overlaps(block) && outer.Bits() <= block.Bits() }) {
			found = append(found, block)
		}
	}
	return found
}

func texts(prefixes []netip.Prefix) []string {
	found := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		found[i] = prefix.String()
	}
	return found
}

// oneOf is nftables' notation for alternatives.
func oneOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "{ " + strings.Join(values, ", ") + " }"
}
