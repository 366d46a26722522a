package policy

import (
	"regexp"
	"strings"
	"testing"

	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the API server should never have let pass allows nothing, and is told.
func TestNonsenseAllowsNothing(t *testing.T) {
	broken := meta.LabelSelector{MatchExpressions: []meta.LabelSelectorRequirement{{Key: "app", Operator: "Like", Values: []string{"web"}}}}
	mixed := block("10.0.0.0/8")
	mixed.PodSelector = &meta.LabelSelector{}
	ranged := port("TCP/http")
	ranged.EndPort = new(int32)
	endless := port("TCP")
	endless.EndPort = new(int32)
	for name, test := range map[string]struct {
		rule networking.NetworkPolicyIngressRule
		want string
	}{
		"peer that says nothing":           {from(networking.NetworkPolicyPeer{}), "either ipBlock or selectors"},
		"peer that says two things":        {from(mixed), "either ipBlock or selectors"},
		"selector with unknown operator":   {from(networking.NetworkPolicyPeer{PodSelector: &broken}), `"Like" is not a valid label selector operator`},
		"namespaces with unknown operator": {from(networking.NetworkPolicyPeer{NamespaceSelector: &broken}), `"Like" is not a valid label selector operator`},
		"block that is none":               {from(block("10.0.0.0")), "no '/'"},
		"block with a command":             {from(block("10.0.0.0/8 accept; flush ruleset")), "bad bits after slash"},
		"block with leading zeros":         {from(block("010.0.0.0/8")), "IPv4 field has octet with leading zero"},
		"block of IPv4 in IPv6":            {from(block("::ffff:10.0.0.0/104")), "IPv4 network in IPv6 notation"},
		"exception that is none":           {from(block("10.0.0.0/8", "all")), "except: "},
		"protocol that has no ports":       {on(port("ICMP/1")), `protocol "ICMP" is none of TCP, UDP, SCTP`},
		"port that is none":                {on(port("TCP/70000")), "70000 to 70000 are no ports"},
		"port zero":                        {on(port("TCP/0")), "0 to 0 are no ports"},
		"range backwards":                  {on(port("TCP/90-80")), "90 to 80 are no ports"},
		"range of names":                   {on(ranged), `"http" is a name`},
		"range without a beginning":        {on(endless), "endPort without port"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := Compile(cluster(policy("p", ingress(test.rule))))
			for _, r := range plan.Rulesets {
				if got := spelled(r, "ingress-policy-", "-x/p"); got == nil || len(got) > 0 {
					t.Errorf("%s: rules = %q; want a chain without any", r.Family, got)
				}
				if isolated(r, "ingress") == "" {
					t.Errorf("%s: the pod is open", r.Family)
				}
			}
			if len(plan.Problems) != 1 || !strings.HasPrefix(plan.Problems[0], "policy x/p: ") || !strings.Contains(plan.Problems[0], test.want) {
				t.Errorf("problems = %q; want one with %q", plan.Problems, test.want)
			}
		})
	}
}

// Nonsense among sense takes nothing else with it.
func TestTheRestOfARuleStands(t *testing.T) {
	plan := Compile(cluster(policy("p", ingress(from(block("all"), pods("app=api"))))))
	want := "ip saddr <10.244.1.3> accept"
	if got := spelled(plan.Rulesets[0], "ingress-policy-", "-x/p"); len(got) != 1 || got[0] != want {
		t.Errorf("rules = %q; want %q", got, want)
	}
}

// Whoever the policy was meant for, it is for.
func TestAPodSelectorThatMakesNoSenseSelectsAll(t *testing.T) {
	spec := ingress()
	spec.PodSelector.MatchExpressions = []meta.LabelSelectorRequirement{{Key: "app", Operator: "Like"}}
	plan := Compile(cluster(policy("p", spec)))
	if got := isolated(plan.Rulesets[0], "ingress"); got != "10.244.1.2 10.244.1.3" {
		t.Errorf("isolated = %s", got)
	}
	if len(plan.Problems) != 1 || !strings.Contains(plan.Problems[0], "podSelector") {
		t.Errorf("problems = %q", plan.Problems)
	}
}

// Names reach nft as words of its language.
func TestNamesAreNoCommands(t *testing.T) {
	hostile := policy("a; flush ruleset\n{ }\"", ingress())
	long := policy(strings.Repeat("long.", 50), ingress())
	harmless := regexp.MustCompile(`^[a-z][a-z0-9./_-]*$`)
	for _, r := range Compile(cluster(hostile, long)).Rulesets {
		if len(r.Chains) != 2+1+2 {
			t.Errorf("%s has chains %v", r.Family, r.Chains)
		}
		for name := range r.Chains {
			if !harmless.MatchString(name) || len(name) > nameLength {
				t.Errorf("%s has a chain %q", r.Family, name)
			}
		}
	}
}

// The longest names that there are, which differ in their ends alone.
func TestLongNamesStayApart(t *testing.T) {
	begin := strings.Repeat("n", 200)
	r := compiled(t, cluster(policy(begin+"1", ingress()), policy(begin+"2", ingress())))
	if len(r.Chains) != 2+1+2 {
		t.Errorf("chains = %v", r.Chains)
	}
}
