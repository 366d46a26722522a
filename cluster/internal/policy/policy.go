// Package policy enforces NetworkPolicy objects on one node with nftables.
//
// Compile says what shall stand in the kernel, and touches nothing. A Table
// makes it so in one transaction. An Enforcer calls both whenever the API
// server tells of a change.
package policy

import (
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// State is all that the rules of a node depend on.
type State struct {
	// Node is the name of this node: its pods are protected here, the others' there.
	Node       string
	Pods       []*Pod
	Namespaces map[string]labels.Set
	Policies   []*networking.NetworkPolicy
}

// direction is which connections of the selected pods a rule speaks of.
type direction struct {
	kind networking.PolicyType
	// chain is the base chain's name, and what names of other chains begin with.
	chain string
	// pod and peer are the addresses of a packet that opens a connection.
	pod, peer string
}

// directions are both, in the order in which a packet passes them.
func directions() []direction {
	return []direction{
		{kind: networking.PolicyTypeEgress, chain: "egress", pod: "saddr", peer: "daddr"},
		{kind: networking.PolicyTypeIngress, chain: "ingress", pod: "daddr", peer: "saddr"},
	}
}

// speaksOf reports whether a policy restricts this direction. The API server
// fills in policyTypes; objects that it did not default count as if it had.
func (d direction) speaksOf(spec networking.NetworkPolicySpec) bool {
	for _, kind := range spec.PolicyTypes {
		if kind == d.kind {
			return true
		}
	}
	if len(spec.PolicyTypes) > 0 {
		return false
	}
	return d.kind == networking.PolicyTypeIngress || len(spec.Egress) > 0
}

// rule is an ingress or egress rule; both kinds have the same two fields.
type rule struct {
	peers []networking.NetworkPolicyPeer
	ports []networking.NetworkPolicyPort
}

func (d direction) rules(spec networking.NetworkPolicySpec) []rule {
	var found []rule
	if d.kind == networking.PolicyTypeEgress {
		for _, r := range spec.Egress {
			found = append(found, rule{peers: r.To, ports: r.Ports})
		}
		return found
	}
	for _, r := range spec.Ingress {
		found = append(found, rule{peers: r.From, ports: r.Ports})
	}
	return found
}
