// Package nodereset makes a machine that was a node what it was before. It ends
// the pods, and takes back what they and the node's components changed outside
// of kedge's own directories. What others made stays.
package nodereset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"kedge/internal/layout"
	"kedge/internal/workerconfig"
)

// node is what was found of the node that is to go.
type node struct {
	layout layout.Layout
	// cluster is what the controller told; nil when the machine never joined.
	cluster *workerconfig.Config
	pods    pods
}

// Undo takes back everything outside of the two directories, and whatever is
// mounted in them. It can be repeated. kedge must not run. Only where it returns
// no error may the directories' content be removed: something of others may
// else still be mounted there.
func Undo(ctx context.Context, l layout.Layout) error {
	n := node{layout: l}
	var err error
	if n.cluster, err = readCluster(l.ClusterFile()); err != nil {
		return err
	}
	if n.pods, err = findPods(l); err != nil {
		return err
	}
	// What processes use cannot be removed: they end first. After that one
	// step that fails keeps no other from being done.
	if err := n.endProcesses(ctx); err != nil {
		return err
	}
	return errors.Join(n.removeGroups(ctx), n.removeNetwork(ctx), n.unmount(), n.removeTraces())
}

func readCluster(file string) (*workerconfig.Config, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find out what the cluster was: %w", err)
	}
	told, err := workerconfig.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("find out what the cluster was: %s: %w; a kedge of the version that wrote it can reset this machine", file, err)
	}
	return &told, nil
}

// hasOwnNetwork says that flannel connected this node's pods.
func (n node) hasOwnNetwork() bool {
	return n.cluster != nil && !n.cluster.Network.Disabled && n.cluster.Network.Provider == "flannel"
}
