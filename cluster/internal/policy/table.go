package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/knftables"
)

const (
	// TableName is the name of the tables, one of each address family.
	TableName = "kedge-network-policy"

	// patience is how long an emptied chain stays: before Linux 6.2 the kernel
	// takes a verdict map's element that was just removed for one that needs it.
	patience = 5 * time.Second

	// priority is the egress chain's; ingress follows it. Addresses of services
	// have become those of pods by then.
	priority = 0
)

// Table keeps one address family's table in the kernel as a Ruleset says. It
// remembers what it wrote, so that a change costs what changed.
type Table struct {
	family knftables.Family
	nft    knftables.Interface
	now    func() time.Time
	// written is what stands; nil: unknown.
	written *Ruleset
	// broken tells that what stands could not be changed into what shall.
	broken bool
	// emptied are chains that nothing leads to any more, and since when.
	emptied map[string]time.Time
}

// NewTable works through nft, which is for TableName of the family; now tells
// the time.
func NewTable(family knftables.Family, nft knftables.Interface, now func() time.Time) *Table {
	return &Table{family: family, nft: nft, now: now, emptied: make(map[string]time.Time)}
}

// Forget makes the next Write look at the kernel instead of its memory: somebody
// else may have changed the table.
func (t *Table) Forget() { t.written = nil }

// Write makes one transaction of what is missing and what is too much. Either
// all of it holds afterwards, or, with an error, what stood before.
func (t *Table) Write(ctx context.Context, want Ruleset) error {
	tx := t.nft.NewTransaction()
	before := t.written
	if before == nil {
		var err error
		if before, err = t.begin(ctx, tx); err != nil {
			return err
		}
	}
	emptied := change(tx, *before, want)
	if tx.NumOperations() > 0 {
		if err := t.nft.Run(ctx, tx); err != nil {
			t.broken = t.written == nil
			t.written = nil
			return fmt.Errorf("write table %s %s: %w", t.family, TableName, err)
		}
	}
	t.written, t.broken = &want, false
	for _, chain := range emptied {
		if _, noted := t.emptied[chain]; !noted {
			t.emptied[chain] = t.now()
		}
	}
	t.sweep(ctx, want)
	return nil
}

// begin sees to it that the table is there with its base chains, and tells the
// names that it has. What a first attempt could not change is made from nothing,
// in the same transaction: there is no moment without rules.
func (t *Table) begin(ctx context.Context, tx *knftables.Transaction) (*Ruleset, error) {
	tx.Add(&knftables.Table{})
	stands := &Ruleset{Chains: make(map[string][]string), Sets: make(map[string]Set)}
	if t.broken {
		tx.Delete(&knftables.Table{})
		tx.Add(&knftables.Table{})
		clear(t.emptied)
	} else if err := t.look(ctx, stands); err != nil {
		return nil, err
	}
	for i, d := range directions() {
		tx.Add(&knftables.Chain{
			Name: d.chain, Type: knftables.PtrTo(knftables.FilterType), Hook: knftables.PtrTo(knftables.ForwardHook),
			Priority: knftables.PtrTo(knftables.BaseChainPriority(strconv.Itoa(priority + i))),
		})
		stands.Chains[d.chain] = nil
	}
	return stands, nil
}

// look reads the names of what stands. The contents are unknown, so that all of
// them will be written anew.
func (t *Table) look(ctx context.Context, stands *Ruleset) error {
	names, err := t.nft.ListAll(ctx)
	if err != nil && !knftables.IsNotFound(err) {
		return fmt.Errorf("list table %s %s: %w", t.family, TableName, err)
	}
	for _, name := range names["chain"] {
		stands.Chains[name] = nil
	}
	for kind, isMap := range map[string]bool{"set": false, "map": true} {
		for _, name := range names[kind] {
			stands.Sets[name] = Set{IsMap: isMap}
		}
	}
	return nil
}

// sweep deletes chains that were emptied a while ago. Failing does no harm, and
// is tried again.
func (t *Table) sweep(ctx context.Context, stands Ruleset) {
	tx := t.nft.NewTransaction()
	var swept []string
	for _, chain := range slices.Sorted(maps.Keys(t.emptied)) {
		if _, wanted := stands.Chains[chain]; wanted {
			delete(t.emptied, chain)
		} else if t.now().Sub(t.emptied[chain]) >= patience {
			tx.Delete(&knftables.Chain{Name: chain})
			swept = append(swept, chain)
		}
	}
	if len(swept) == 0 || t.nft.Run(ctx, tx) != nil {
		return
	}
	for _, chain := range swept {
		delete(t.emptied, chain)
	}
}

// change adds to the transaction what leads from one ruleset to another, in the
// order in which each part finds what it needs. It returns the chains that are
// not wanted any more, which are empty then.
func change(tx *knftables.Transaction, before, after Ruleset) []string {
	changed := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(after.Chains)) {
		rules, there := before.Chains[name]
		if !there {
			tx.Add(&knftables.Chain{Name: name})
		}
		// Rules that were only seen, and not written, are unknown. An emptied chain
		// of the same name may still be there.
		if changed[name] = rules == nil || !slices.Equal(rules, after.Chains[name]); changed[name] {
			tx.Flush(&knftables.Chain{Name: name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.Sets)) {
		changeSet(tx, name, before.Sets, after.Sets[name])
	}
	for _, name := range slices.Sorted(maps.Keys(after.Chains)) {
		if !changed[name] {
			continue
		}
		for _, text := range after.Chains[name] {
			tx.Add(&knftables.Rule{Chain: name, Rule: text})
		}
	}
	return drop(tx, before, after)
}

// changeSet adds and deletes elements. The content of a set that was only seen,
// and not written, is unknown.
func changeSet(tx *knftables.Transaction, name string, sets map[string]Set, after Set) {
	before, there := sets[name]
	if !there || before.Elements == nil {
		tx.Add(after.object(name))
		if there {
			tx.Flush(after.object(name))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before.Elements)) {
		if value, wanted := after.Elements[key]; !wanted || value != before.Elements[key] {
			tx.Delete(before.element(name, key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after.Elements)) {
		if value, stands := before.Elements[key]; !stands || value != after.Elements[key] {
			tx.Add(after.element(name, key))
		}
	}
}

// drop empties chains and deletes sets. No rule speaks of them any more.
func drop(tx *knftables.Transaction, before, after Ruleset) []string {
	var emptied []string
	for _, name := range slices.Sorted(maps.Keys(before.Chains)) {
		if _, wanted := after.Chains[name]; !wanted {
			tx.Flush(&knftables.Chain{Name: name})
			emptied = append(emptied, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Sets)) {
		if _, wanted := after.Sets[name]; !wanted {
			tx.Delete(before.Sets[name].object(name))
		}
	}
	return emptied
}

func (s Set) object(name string) knftables.Object {
	if s.IsMap {
		return &knftables.Map{Name: name, Type: s.Type}
	}
	return &knftables.Set{Name: name, Type: s.Type}
}

func (s Set) element(name, key string) *knftables.Element {
	parts := strings.Split(key, keySeparator)
	if s.IsMap {
		return &knftables.Element{Map: name, Key: parts, Value: []string{s.Elements[key]}}
	}
	return &knftables.Element{Set: name, Key: parts}
}
