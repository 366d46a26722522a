package nodereset

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"kedge/internal/policy"
)

// portTable is where the plugin portmap, of all distributions, keeps its rules.
const portTable = "cni_hostport"

// tables are the packet filter's tables of this node's components.
func (n node) tables() []string {
	names := []string{policy.TableName}
	if n.cluster != nil && !n.cluster.Proxy.Disabled {
		names = append(names, "kube-proxy")
	}
	if n.hasOwnNetwork() {
		names = append(names, "flannel-ipv4", "flannel-ipv6")
	}
	return names
}

// removeTables removes them, and the rules of pods in the table that portmap
// may share with others.
func (n node) removeTables() error {
	filter, err := nftables.New()
	if err != nil {
		return fmt.Errorf("ask the packet filter: %w", err)
	}
	tables, err := filter.ListTables()
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return nil // the kernel has no nftables
	}
	if err != nil {
		return fmt.Errorf("list the packet filter's tables: %w", err)
	}
	own := n.tables()
	for _, table := range tables {
		if table.Family != nftables.TableFamilyIPv4 && table.Family != nftables.TableFamilyIPv6 {
			continue
		}
		switch {
		case slices.Contains(own, table.Name):
			filter.DelTable(table)
		case table.Name == portTable:
			if err := n.removePorts(filter, table); err != nil {
				return err
			}
		}
	}
	if err := filter.Flush(); err != nil {
		return fmt.Errorf("remove the packet filter's tables: %w; 'nft list tables' shows them, 'nft delete table' removes one", err)
	}
	return nil
}

// removePorts removes the rules whose comment is a container of this node; the
// whole table when no container of others has any.
func (n node) removePorts(filter *nftables.Conn, table *nftables.Table) error {
	chains, err := filter.ListChainsOfTableFamily(table.Family)
	if err != nil {
		return fmt.Errorf("list the packet filter's rules: %w", err)
	}
	var own []*nftables.Rule
	isShared := false
	for _, chain := range chains {
		if chain.Table.Name != table.Name {
			continue
		}
		rules, err := filter.GetRules(table, chain)
		if err != nil {
			return fmt.Errorf("list the packet filter's rules: %w", err)
		}
		for _, rule := range rules {
			switch {
			case n.pods.isCommented(rule.UserData):
				own = append(own, rule)
			case len(rule.UserData) > idLength:
				isShared = true
			}
		}
	}
	if !isShared {
		filter.DelTable(table)
		return nil
	}
	for _, rule := range own {
		if err := filter.DelRule(rule); err != nil {
			return fmt.Errorf("remove a rule of the packet filter: %w", err)
		}
	}
	return nil
}

// isCommented tells whether a rule's comment names a container of this node.
func (p pods) isCommented(comment []byte) bool {
	return slices.ContainsFunc(p.containers, func(c container) bool {
		return len(c.id) >= idLength && bytes.Contains(comment, []byte(c.id))
	})
}
