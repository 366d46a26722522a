package policy

import (
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// here is the node whose rules the tests look at.
const here = "edge-1"

// pod makes a pod that serves "http" on port 8080; labels are as "app=web,tier=front".
func pod(namespace, name, node, labelled string, ips ...string) *core.Pod {
	set, err := labels.ConvertSelectorToLabelsMap(labelled)
	if err != nil {
		panic(err)
	}
	made := &core.Pod{
		ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, Labels: set},
		Spec: core.PodSpec{NodeName: node, Containers: []core.Container{{
			Ports: []core.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "dns", ContainerPort: 53, Protocol: core.ProtocolUDP}},
		}}},
	}
	for _, ip := range ips {
		made.Status.PodIPs = append(made.Status.PodIPs, core.PodIP{IP: ip})
	}
	return made
}

// cluster has pods on this node and on another, with both kinds of addresses.
func cluster(policies ...*networking.NetworkPolicy) State {
	return State{
		Node: here,
		Pods: []*Pod{
			NewPod(pod("x", "web", here, "app=web", "10.244.1.2", "fd00:1::2")),
			NewPod(pod("x", "api", here, "app=api", "10.244.1.3", "fd00:1::3")),
			NewPod(pod("x", "far", "edge-2", "app=web", "10.244.2.2", "fd00:2::2")),
			NewPod(pod("y", "web", here, "app=web", "10.244.1.4")),
			NewPod(pod("y", "api", "edge-2", "app=api", "10.244.2.3")),
		},
		Namespaces: map[string]labels.Set{
			"x": {"kubernetes.io/metadata.name": "x", "team": "red"},
			"y": {"kubernetes.io/metadata.name": "y", "team": "blue"},
		},
		Policies: policies,
	}
}

// policy is one of namespace x for the pods with app=web, or for all where the
// spec says so.
func policy(name string, spec networking.NetworkPolicySpec) *networking.NetworkPolicy {
	return &networking.NetworkPolicy{ObjectMeta: meta.ObjectMeta{Namespace: "x", Name: name}, Spec: spec}
}

func ingress(rules ...networking.NetworkPolicyIngressRule) networking.NetworkPolicySpec {
	return networking.NetworkPolicySpec{
		PodSelector: matching("app=web"), PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress}, Ingress: rules,
	}
}

func egress(rules ...networking.NetworkPolicyEgressRule) networking.NetworkPolicySpec {
	return networking.NetworkPolicySpec{
		PodSelector: matching("app=web"), PolicyTypes: []networking.PolicyType{networking.PolicyTypeEgress}, Egress: rules,
	}
}

func matching(labelled string) meta.LabelSelector {
	set, err := labels.ConvertSelectorToLabelsMap(labelled)
	if err != nil {
		panic(err)
	}
	return meta.LabelSelector{MatchLabels: set}
}

func from(peers ...networking.NetworkPolicyPeer) networking.NetworkPolicyIngressRule {
	return networking.NetworkPolicyIngressRule{From: peers}
}

func to(peers ...networking.NetworkPolicyPeer) networking.NetworkPolicyEgressRule {
	return networking.NetworkPolicyEgressRule{To: peers}
}

func on(ports ...networking.NetworkPolicyPort) networking.NetworkPolicyIngressRule {
	return networking.NetworkPolicyIngressRule{Ports: ports}
}

func pods(labelled string) networking.NetworkPolicyPeer {
	selector := matching(labelled)
	return networking.NetworkPolicyPeer{PodSelector: &selector}
}

func namespaces(labelled string) networking.NetworkPolicyPeer {
	selector := matching(labelled)
	return networking.NetworkPolicyPeer{NamespaceSelector: &selector}
}

func podsIn(labelled, namespacesLabelled string) networking.NetworkPolicyPeer {
	peer := pods(labelled)
	peer.NamespaceSelector = namespaces(namespacesLabelled).NamespaceSelector
	return peer
}

func block(cidr string, except ...string) networking.NetworkPolicyPeer {
	return networking.NetworkPolicyPeer{IPBlock: &networking.IPBlock{CIDR: cidr, Except: except}}
}

// port is one as "TCP/80", "UDP/8000-8999", "TCP/http", or "SCTP" for all.
func port(text string) networking.NetworkPolicyPort {
	protocol, number, given := strings.Cut(text, "/")
	made := networking.NetworkPolicyPort{}
	if protocol != "" {
		p := core.Protocol(protocol)
		made.Protocol = &p
	}
	if !given {
		return made
	}
	first, last, isRange := strings.Cut(number, "-")
	value := intstr.Parse(first)
	made.Port = &value
	if isRange {
		end := intstr.Parse(last).IntVal
		made.EndPort = &end
	}
	return made
}

// compiled is the plan's ruleset of IPv4.
func compiled(t *testing.T, s State) Ruleset {
	t.Helper()
	plan := Compile(s)
	if len(plan.Problems) > 0 {
		t.Errorf("problems: %q", plan.Problems)
	}
	return plan.Rulesets[0]
}
