package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Plan is what shall stand on a node.
type Plan struct {
	Rulesets []Ruleset
	// Problems are the parts of policies that nobody can make sense of. They
	// allow nothing. The API server refuses most of them; what it does not know
	// as an error, or another version of it let pass, ends here.
	Problems []string
}

// Compile says what shall stand in the kernel of s.Node, one ruleset for each
// address family. The same state gives the same plan.
func Compile(s State) Plan {
	var plan Plan
	policies := slices.SortedFunc(slices.Values(s.Policies), func(a, b *networking.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, f := range []family{ipv4(), ipv6()} {
		c := compiler{family: f, state: s, policies: policies, endpoints: endpoints(s.Pods, f), ruleset: newRuleset(f)}
		for _, d := range directions() {
			c.compile(d)
		}
		plan.Rulesets = append(plan.Rulesets, c.ruleset)
		plan.Problems = append(plan.Problems, c.problems...)
	}
	slices.Sort(plan.Problems)
	plan.Problems = slices.Compact(plan.Problems)
	return plan
}

// compiler makes the ruleset of one address family.
type compiler struct {
	family    family
	state     State
	policies  []*networking.NetworkPolicy
	endpoints []endpoint
	ruleset   Ruleset
	problems  []string
}

// compile adds the rules of one direction: a chain for each policy that selects
// a pod of this node, and one for all pods with the same policies, which tries
// these one after the other and drops what none accepts.
func (c *compiler) compile(d direction) {
	chosen := make(map[*Pod][]string)
	for _, policy := range c.policies {
		if !d.speaksOf(policy.Spec) {
			continue
		}
		selected := c.selected(policy)
		if len(selected) == 0 {
			continue
		}
		chain := chainName(d.chain+"-policy", policy.Namespace+"/"+policy.Name, policy.Namespace, policy.Name)
		c.ruleset.Chains[chain] = c.rules(d, policy, selected)
		for _, e := range selected {
			chosen[e.pod] = append(chosen[e.pod], chain)
		}
	}
	for _, e := range c.endpoints {
		if chains := chosen[e.pod]; len(chains) > 0 {
			c.isolate(d, e, chains)
		}
	}
}

// isolate sends what a pod sends or gets through the chains of its policies.
// Dropping, and not refusing, lets a client wait whose pod this node is only
// about to hear of: it sends again.
func (c *compiler) isolate(d direction, e endpoint, chains []string) {
	together := chainName(d.chain+"-of", e.pod.Namespace, chains...)
	rules := make([]string, 0, len(chains)+1)
	for _, chain := range chains {
		rules = append(rules, "jump "+chain)
	}
	c.ruleset.Chains[together] = append(rules, "counter drop")
	for _, address := range e.addresses {
		text := address.String()
		c.ruleset.Sets[d.chain+verdictSuffix].Elements[text] = "goto " + together
		c.ruleset.add(d.chain+isolatedSuffix, "", text)
		c.ruleset.add(ownSet, "", text, text)
	}
}

// selected are the pods of this node that a policy is for.
func (c *compiler) selected(policy *networking.NetworkPolicy) []endpoint {
	selector, err := meta.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil {
		// Whomever it was meant to protect, it does.
		c.problem(policy, "podSelector, which now selects all pods of the namespace", err)
		selector = labels.Everything()
	}
	var found []endpoint
	for _, e := range c.endpoints {
		if e.pod.Node == c.state.Node && e.pod.Namespace == policy.Namespace && selector.Matches(labels.Set(e.pod.Labels)) {
			found = append(found, e)
		}
	}
	return found
}

// rules are those of a policy's chain: each accepts something.
func (c *compiler) rules(d direction, policy *networking.NetworkPolicy, selected []endpoint) []string {
	found := []string{}
	s := scope{direction: d, policy: policy, selected: selected}
	for _, r := range d.rules(policy.Spec) {
		ports := c.ports(s, r)
		for _, peer := range c.peers(s, r.peers) {
			for _, port := range ports {
				found = append(found, strings.Join(strings.Fields(peer+" "+port+" accept"), " "))
			}
		}
	}
	return found
}

// scope is where a rule stands.
type scope struct {
	direction direction
	policy    *networking.NetworkPolicy
	selected  []endpoint
}

func (c *compiler) problem(policy *networking.NetworkPolicy, where string, err error) {
	c.problems = append(c.problems, fmt.Sprintf("policy %s/%s: %s: %v", policy.Namespace, policy.Name, where, err))
}
