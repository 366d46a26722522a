package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// spelled are the rules of the chain whose name begins and ends so, with the
// elements of sets in place of their names. It is nil where there is no chain.
func spelled(r Ruleset, begin, end string) []string {
	reference := regexp.MustCompile(`@([a-z0-9-]+)`)
	for name, rules := range r.Chains {
		if !strings.HasPrefix(name, begin) || !strings.HasSuffix(name, end) {
			continue
		}
		found := []string{}
		for _, rule := range rules {
			found = append(found, reference.ReplaceAllStringFunc(rule, func(set string) string {
				return "<" + strings.Join(slices.Sorted(maps.Keys(r.Sets[set[1:]].Elements)), ", ") + ">"
			}))
		}
		return found
	}
	return nil
}

// isolated are the addresses whose connections of the direction are judged.
func isolated(r Ruleset, direction string) string {
	return strings.Join(slices.Sorted(maps.Keys(r.Sets[direction+verdictSuffix].Elements)), " ")
}

func TestRulesOfIngress(t *testing.T) {
	for name, test := range map[string]struct {
		rule networking.NetworkPolicyIngressRule
		want []string
	}{
		"everything":                {from(), []string{"accept"}},
		"all pods of the namespace": {from(pods("")), []string{"ip saddr <10.244.1.2, 10.244.1.3, 10.244.2.2> accept"}},
		"pods of the namespace":     {from(pods("app=api")), []string{"ip saddr <10.244.1.3> accept"}},
		"all namespaces":            {from(namespaces("")), []string{"ip saddr <10.244.1.2, 10.244.1.3, 10.244.1.4, 10.244.2.2, 10.244.2.3> accept"}},
		"a namespace by its name":   {from(namespaces("kubernetes.io/metadata.name=y")), []string{"ip saddr <10.244.1.4, 10.244.2.3> accept"}},
		"both selectors mean and":   {from(podsIn("app=api", "team=blue")), []string{"ip saddr <10.244.2.3> accept"}},
		"two peers mean or":         {from(pods("app=api"), namespaces("team=blue")), []string{"ip saddr <10.244.1.3, 10.244.1.4, 10.244.2.3> accept"}},
		"nobody has the label":      {from(pods("app=none")), []string{"ip saddr <> accept"}},
		"block":                     {from(block("192.0.2.0/24")), []string{"ip saddr 192.0.2.0/24 accept"}},
		"block with bits of a host": {from(block("192.0.2.7/24")), []string{"ip saddr 192.0.2.0/24 accept"}},
		"blocks":                    {from(block("192.0.2.0/24"), block("10.0.0.0/8")), []string{"ip saddr { 10.0.0.0/8, 192.0.2.0/24 } accept"}},
		"block inside another":      {from(block("10.1.0.0/16"), block("10.0.0.0/8"), block("10.0.0.0/8")), []string{"ip saddr 10.0.0.0/8 accept"}},
		"every address":             {from(block("0.0.0.0/0")), []string{"accept"}},
		"exceptions": {
			from(block("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16")),
			[]string{"ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16, 10.2.0.0/16 } accept"},
		},
		"every address but some":               {from(block("0.0.0.0/0", "10.0.0.0/8")), []string{"ip saddr != 10.0.0.0/8 accept"}},
		"exception that is all":                {from(block("10.0.0.0/8", "10.0.0.0/8")), []string{"ip saddr 10.0.0.0/8 ip saddr != 10.0.0.0/8 accept"}},
		"exception outside the block":          {from(block("10.0.0.0/8", "192.0.2.0/24")), []string{"ip saddr 10.0.0.0/8 accept"}},
		"exception of the other kind":          {from(block("10.0.0.0/8", "fd00::/8")), []string{"ip saddr 10.0.0.0/8 accept"}},
		"exception that another peer has":      {from(block("10.0.0.0/8", "10.1.0.0/16"), block("10.1.0.0/16")), []string{"ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 accept", "ip saddr 10.1.0.0/16 accept"}},
		"block of the other kind of addresses": {from(block("fd00::/8")), []string{}},
		"pods and a block":                     {from(pods("app=api"), block("192.0.2.0/24")), []string{"ip saddr <10.244.1.3> accept", "ip saddr 192.0.2.0/24 accept"}},
		"port":                                 {on(port("TCP/80")), []string{"tcp dport 80 accept"}},
		"port without a protocol":              {on(port("/80")), []string{"tcp dport 80 accept"}},
		"protocol without a port":              {on(port("SCTP")), []string{"meta l4proto sctp accept"}},
		"neither protocol nor port":            {on(port("")), []string{"meta l4proto tcp accept"}},
		"ports":                                {on(port("UDP/53"), port("TCP/443"), port("TCP/80")), []string{"tcp dport { 80, 443 } accept", "udp dport 53 accept"}},
		"range":                                {on(port("TCP/8000-8999")), []string{"tcp dport 8000-8999 accept"}},
		"ranges that overlap":                  {on(port("TCP/80-90"), port("TCP/85-95"), port("TCP/96"), port("TCP/99")), []string{"tcp dport { 80-96, 99 } accept"}},
		"all ports and one":                    {on(port("TCP/80"), port("TCP")), []string{"meta l4proto tcp accept"}},
		"named port, of each pod its own":      {on(port("TCP/http")), []string{"ip daddr . meta l4proto . th dport <10.244.1.2 . tcp . 8080> accept"}},
		"named port of another protocol":       {on(port("UDP/http")), []string{"ip daddr . meta l4proto . th dport <> accept"}},
		"named port that no pod has":           {on(port("TCP/none")), []string{"ip daddr . meta l4proto . th dport <> accept"}},
		"named ports and numbers": {
			on(port("TCP/http"), port("UDP/dns"), port("TCP/22")),
			[]string{"tcp dport 22 accept", "ip daddr . meta l4proto . th dport <10.244.1.2 . tcp . 8080, 10.244.1.2 . udp . 53> accept"},
		},
		"peers with ports": {
			networking.NetworkPolicyIngressRule{From: []networking.NetworkPolicyPeer{pods("app=api"), block("192.0.2.0/24")}, Ports: []networking.NetworkPolicyPort{port("TCP/80"), port("UDP/53")}},
			[]string{
				"ip saddr <10.244.1.3> tcp dport 80 accept", "ip saddr <10.244.1.3> udp dport 53 accept",
				"ip saddr 192.0.2.0/24 tcp dport 80 accept", "ip saddr 192.0.2.0/24 udp dport 53 accept",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := compiled(t, cluster(policy("p", ingress(test.rule))))
			if got := spelled(r, "ingress-policy-", "-x/p"); !slices.Equal(got, test.want) {
				t.Errorf("rules = %q; want %q", got, test.want)
			}
			if got := isolated(r, "ingress"); got != "10.244.1.2" {
				t.Errorf("isolated = %s", got)
			}
			if got := isolated(r, "egress"); got != "" {
				t.Errorf("isolated in the other direction = %s", got)
			}
		})
	}
}

func TestRulesOfEgress(t *testing.T) {
	named := to(pods("app=api"))
	named.Ports = []networking.NetworkPolicyPort{port("TCP/http")}
	for name, test := range map[string]struct {
		rule networking.NetworkPolicyEgressRule
		want []string
	}{
		"everything": {to(), []string{"accept"}},
		"pods":       {to(pods("app=api")), []string{"ip daddr <10.244.1.3> accept"}},
		"block":      {to(block("10.0.0.0/8", "10.1.0.0/16")), []string{"ip daddr 10.0.0.0/8 ip daddr != 10.1.0.0/16 accept"}},
		"named port of the receiving pods": {named, []string{
			"ip daddr <10.244.1.3> ip daddr . meta l4proto . th dport <10.244.1.2 . tcp . 8080, 10.244.1.3 . tcp . 8080, " +
				"10.244.1.4 . tcp . 8080, 10.244.2.2 . tcp . 8080, 10.244.2.3 . tcp . 8080> accept",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := compiled(t, cluster(policy("p", egress(test.rule))))
			if got := spelled(r, "egress-policy-", "-x/p"); !slices.Equal(got, test.want) {
				t.Errorf("rules = %q; want %q", got, test.want)
			}
			if got := isolated(r, "egress"); got != "10.244.1.2" {
				t.Errorf("isolated = %s", got)
			}
		})
	}
}

func TestWhomAPolicyIsolates(t *testing.T) {
	everybody := func(spec networking.NetworkPolicySpec) networking.NetworkPolicySpec {
		spec.PodSelector = meta.LabelSelector{}
		return spec
	}
	undefaulted := func(spec networking.NetworkPolicySpec) networking.NetworkPolicySpec {
		spec.PolicyTypes = nil
		return spec
	}
	for name, test := range map[string]struct {
		spec            networking.NetworkPolicySpec
		ingress, egress string
	}{
		"selected pods of this node and namespace":    {ingress(), "10.244.1.2", ""},
		"all pods of this node and namespace":         {everybody(ingress()), "10.244.1.2 10.244.1.3", ""},
		"outgoing":                                    {everybody(egress()), "", "10.244.1.2 10.244.1.3"},
		"types are filled in: always ingress":         {undefaulted(networking.NetworkPolicySpec{}), "10.244.1.2 10.244.1.3", ""},
		"types are filled in: egress where rules are": {undefaulted(everybody(egress(to()))), "10.244.1.2 10.244.1.3", "10.244.1.2 10.244.1.3"},
		"rules of a type that is not named":           {networking.NetworkPolicySpec{PolicyTypes: ingress().PolicyTypes, Egress: egress(to()).Egress}, "10.244.1.2 10.244.1.3", ""},
		"nobody":                                      {networking.NetworkPolicySpec{PodSelector: matching("app=none")}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := compiled(t, cluster(policy("p", test.spec)))
			if got := isolated(r, "ingress"); got != test.ingress {
				t.Errorf("ingress isolates %q; want %q", got, test.ingress)
			}
			if got := isolated(r, "egress"); got != test.egress {
				t.Errorf("egress isolates %q; want %q", got, test.egress)
			}
		})
	}
}

func TestSelectorsWithExpressions(t *testing.T) {
	in := func(key string, operator meta.LabelSelectorOperator, values ...string) *meta.LabelSelector {
		return &meta.LabelSelector{MatchExpressions: []meta.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	peer := networking.NetworkPolicyPeer{PodSelector: in("app", meta.LabelSelectorOpExists), NamespaceSelector: in("team", meta.LabelSelectorOpNotIn, "red")}
	r := compiled(t, cluster(policy("p", ingress(from(peer)))))
	want := []string{"ip saddr <10.244.1.4, 10.244.2.3> accept"}
	if got := spelled(r, "ingress-policy-", "-x/p"); !slices.Equal(got, want) {
		t.Errorf("rules = %q; want %q", got, want)
	}
}

func TestPoliciesOfAPodAreAUnion(t *testing.T) {
	r := compiled(t, cluster(policy("a", ingress(on(port("TCP/80")))), policy("b", ingress(on(port("TCP/81"))))))
	got := spelled(r, "ingress-of-", "-x")
	if len(got) != 3 || !strings.HasSuffix(got[0], "-x/a") || !strings.HasSuffix(got[1], "-x/b") || got[2] != "counter drop" {
		t.Errorf("rules = %q", got)
	}
}

func TestPodsWithTheSamePoliciesShareAChain(t *testing.T) {
	all := ingress()
	all.PodSelector = meta.LabelSelector{}
	r := compiled(t, cluster(policy("all", all)))
	verdicts := r.Sets["ingress-pods"].Elements
	if verdicts["10.244.1.2"] == "" || verdicts["10.244.1.2"] != verdicts["10.244.1.3"] {
		t.Errorf("verdicts = %v", verdicts)
	}
	r = compiled(t, cluster(policy("all", all), policy("web", ingress())))
	verdicts = r.Sets["ingress-pods"].Elements
	if verdicts["10.244.1.2"] == verdicts["10.244.1.3"] {
		t.Errorf("verdicts = %v; want two chains", verdicts)
	}
}

// A kernel may miss an element that is just being replaced.
func TestWhoIsMissedInTheMapIsFoundInTheSet(t *testing.T) {
	both := ingress()
	both.PolicyTypes = append(both.PolicyTypes, networking.PolicyTypeEgress)
	r := compiled(t, cluster(policy("p", both)))
	for _, d := range directions() {
		verdicts, isolated := r.Sets[d.chain+"-pods"].Elements, r.Sets[d.chain+"-isolated"].Elements
		if len(verdicts) == 0 || !slices.Equal(slices.Sorted(maps.Keys(verdicts)), slices.Sorted(maps.Keys(isolated))) {
			t.Errorf("%s: verdicts for %v, isolated are %v", d.chain, verdicts, isolated)
		}
		rules := r.Chains[d.chain]
		if last := rules[len(rules)-1]; last != "ip "+d.pod+" @"+d.chain+"-isolated counter drop" {
			t.Errorf("%s ends with %q", d.chain, last)
		}
	}
}

func TestRulesWithTheSamePeersShareASet(t *testing.T) {
	peers := func(r Ruleset) int {
		return len(slices.DeleteFunc(slices.Collect(maps.Keys(r.Sets)), func(name string) bool { return !strings.HasPrefix(name, "peers-") }))
	}
	one := policy("one", ingress(from(pods("app=api"))))
	same := policy("same", ingress(from(pods("app=api"))))
	if got := peers(compiled(t, cluster(one, same))); got != 1 {
		t.Errorf("%d sets; want 1", got)
	}
	// The same words mean other pods in another namespace.
	other := policy("other", ingress(from(pods("app=api"))))
	other.Namespace = "y"
	if got := peers(compiled(t, cluster(one, other))); got != 2 {
		t.Errorf("%d sets; want 2", got)
	}
}

func TestBothKindsOfAddresses(t *testing.T) {
	plan := Compile(cluster(policy("p", ingress(from(podsIn("app=api", ""), block("fd00:9::/64"), block("10.0.0.0/8"))))))
	got := spelled(plan.Rulesets[1], "ingress-policy-", "-x/p")
	want := []string{"ip6 saddr <fd00:1::3> accept", "ip6 saddr fd00:9::/64 accept"}
	if !slices.Equal(got, want) {
		t.Errorf("rules = %q; want %q", got, want)
	}
	if got := isolated(plan.Rulesets[1], "ingress"); got != "fd00:1::2" {
		t.Errorf("isolated = %s", got)
	}
}

func TestAPodIsNeverCutOffFromItself(t *testing.T) {
	r := compiled(t, cluster(policy("p", ingress())))
	if _, there := r.Sets[ownSet].Elements["10.244.1.2 . 10.244.1.2"]; !there {
		t.Errorf("own = %v", r.Sets[ownSet].Elements)
	}
}

func TestTheOrderOfObjectsDoesNotMatter(t *testing.T) {
	s := cluster(policy("a", ingress(from(pods("app=api")))), policy("b", egress(to(namespaces("team=blue")))))
	turned := s
	turned.Pods, turned.Policies = slices.Clone(s.Pods), slices.Clone(s.Policies)
	slices.Reverse(turned.Pods)
	slices.Reverse(turned.Policies)
	if a, b := dump(t, Compile(s)), dump(t, Compile(turned)); a != b {
		t.Errorf("%s\ndiffers from\n%s", a, b)
	}
}

func TestANamespaceThatIsNotKnownLetsNobodyIn(t *testing.T) {
	s := cluster(policy("p", ingress(from(namespaces("")))))
	s.Namespaces = map[string]labels.Set{"x": nil}
	got := spelled(compiled(t, s), "ingress-policy-", "-x/p")
	want := []string{"ip saddr <10.244.1.2, 10.244.1.3, 10.244.2.2> accept"}
	if !slices.Equal(got, want) {
		t.Errorf("rules = %q; want %q", got, want)
	}
}
