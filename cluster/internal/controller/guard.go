package controller

import (
	"context"

	"kedge/internal/component"
	"kedge/internal/datadir"
)

// guard lets the API server start only on a database that holds what this
// directory's cluster holds. On an empty one every node would be told that it
// has no pods, and would end them.
type guard struct {
	store      store
	dir        *datadir.Dir
	newCluster bool
}

var _ component.Component = (*guard)(nil)

func (g *guard) Name() string { return "guard" }

func (g *guard) Init(context.Context) error { return nil }

func (g *guard) Start(ctx context.Context) error {
	if !g.dir.Record.Started || g.newCluster {
		return nil
	}
	found, err := g.store.has(ctx, firstKey)
	if err != nil {
		return err
	}
	if !found {
		return &datadir.Error{
			Path: g.dir.Path(), Problem: "a cluster ran here, but its database is empty",
			Hint: "bring the database or a backup back; 'kedge controller --new-cluster' begins anew: nodes that know the old cluster keep their pods, and follow the new one once their worker/cluster-uid is removed",
		}
	}
	return nil
}

func (g *guard) Ready(context.Context) error { return nil }

func (g *guard) Stop(context.Context) error { return nil }
