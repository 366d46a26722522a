package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"sigs.k8s.io/knftables"
)

// OpenTables finds nft in the search path and sees that it works. root is the
// root file system, where a kernel without IPv6 is known by what it lacks: then
// there is one table alone.
func OpenTables(root fs.FS) ([]*Table, error) {
	var tables []*Table
	for _, f := range families(root) {
		nft, err := knftables.New(f.name, TableName)
		if err != nil {
			return nil, fmt.Errorf("nftables of %s: %w", f.name, err)
		}
		tables = append(tables, NewTable(f.name, nft, time.Now))
	}
	return tables, nil
}

// Cleanup removes all tables; packets pass then as if there were no policies.
// That there is none is no error.
func Cleanup(ctx context.Context, root fs.FS) error {
	var failures []error
	for _, f := range families(root) {
		nft, err := knftables.New(f.name, TableName)
		if err == nil {
			err = remove(ctx, nft)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("remove table %s %s: %w", f.name, TableName, err))
		}
	}
	return errors.Join(failures...)
}

func remove(ctx context.Context, nft knftables.Interface) error {
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{}) // to delete one that is not there would fail
	tx.Delete(&knftables.Table{})
	return nft.Run(ctx, tx)
}

func families(root fs.FS) []family {
	if _, err := fs.Stat(root, "proc/sys/net/ipv6"); errors.Is(err, fs.ErrNotExist) {
		return []family{ipv4()}
	}
	return []family{ipv4(), ipv6()}
}
