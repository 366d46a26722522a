package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"sigs.k8s.io/knftables"
)

// Ruleset is what shall stand in the table of one address family.
type Ruleset struct {
	Family knftables.Family
	// Chains are the rules of each chain.
	Chains map[string][]string
	// Sets are the sets and verdict maps by name.
	Sets map[string]Set
}

// Set is a set, or a verdict map, of nftables. Elements come and go one by one,
// so all sets are plain hash tables: what has ranges stands in the rules.
type Set struct {
	// Type is that of the elements, as nftables writes it.
	Type string
	// IsMap tells a verdict map, whose elements have values, from a set.
	IsMap bool
	// Elements are the verdicts by key; those of a set are empty. Parts of a key
	// are joined by " . ".
	Elements map[string]string
}

const (
	// ownSet has each pod's address twice: a pod is never cut off from itself.
	ownSet = "own"
	// verdictSuffix ends the names of the maps from a pod's address to its chain.
	verdictSuffix = "-pods"
	// isolatedSuffix ends the names of the sets of the same addresses. While
	// another processor replaces an element, a kernel may find neither the old one
	// nor the new; who looks a second time then finds the new.
	isolatedSuffix = "-isolated"

	keySeparator = " . "
	// nameLength keeps names below the kernel's limit and lines readable.
	nameLength = 100
	// Names of chains differ in more than the hash, those of sets in nothing else.
	chainHashLength = 12
	setHashLength   = 32
)

// newRuleset has the parts that never change. A packet passes both base chains,
// so each may accept it as far as it is concerned.
func newRuleset(f family) Ruleset {
	r := Ruleset{Family: f.name, Chains: make(map[string][]string), Sets: make(map[string]Set)}
	r.Sets[ownSet] = Set{Type: f.address + keySeparator + f.address, Elements: make(map[string]string)}
	for _, d := range directions() {
		verdicts := d.chain + verdictSuffix
		isolated := d.chain + isolatedSuffix
		r.Sets[verdicts] = Set{Type: f.address + " : verdict", IsMap: true, Elements: make(map[string]string)}
		r.Sets[isolated] = Set{Type: f.address, Elements: make(map[string]string)}
		rules := []string{"ct state established,related accept"}
		if f.name == knftables.IPv6Family {
			// Pods on one bridge look for each other through here. What a node has
			// routed has lost a hop.
			rules = append(rules, "icmpv6 type 133-137 ip6 hoplimit 255 accept")
		}
		r.Chains[d.chain] = append(rules,
			f.field("saddr")+keySeparator+f.field("daddr")+" @"+ownSet+" accept",
			f.field(d.pod)+" vmap @"+verdicts,
			f.field(d.pod)+" @"+isolated+" counter drop",
		)
	}
	return r
}

// add puts an element into a set that it makes where there is none.
func (r Ruleset) add(name, kind string, key ...string) {
	if _, there := r.Sets[name]; !there {
		r.Sets[name] = Set{Type: kind, Elements: make(map[string]string)}
	}
	if len(key) > 0 {
		r.Sets[name].Elements[strings.Join(key, keySeparator)] = ""
	}
}

// chainName tells people what a chain is about. Where the words are cut, or are
// not the whole truth, the hash of the identity differs.
func chainName(kind, about string, identity ...string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-./", r) {
			return r
		}
		return '_'
	}, about)
	name := kind + "-" + hash(identity...)[:chainHashLength] + "-" + readable
	return name[:min(len(name), nameLength)]
}

// hash is the same for the same texts, and for no others that anybody finds.
func hash(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:])
}
