package apiproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"k8s.io/client-go/rest"

	"kedge/internal/wholefile"
)

// identity is whose UID is the cluster's: this namespace is made with the
// database, and cannot be deleted.
const identity = "/api/v1/namespaces/kube-system"

// Cluster is how the node's cluster is told from another at the same address,
// such as one whose controller has lost its data: that one knows no pods, and the
// node would end all of its own.
type Cluster struct {
	file string
	mu   sync.Mutex // two that look at once remember the same
}

// NewCluster makes one whose UID is in a file, from the first contact on.
func NewCluster(file string) *Cluster { return &Cluster{file: file} }

// ForeignError is an API server that answers for another cluster than the node's.
type ForeignError struct{ Is, Known, File string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the controller has another database than this node knows (its cluster is %s, not %s): the node keeps its pods and follows no orders; "+
		"restore the controller from a backup, or let the node follow the new one: remove %s", e.Is, e.Known, e.File)
}

// Check tells why whoever answers is not this node's controller: ForeignError,
// when it is another cluster's. It asks on a connection of its own.
func (c *Cluster) Check(ctx context.Context, config *rest.Config) error {
	answer, err := fetch(ctx, config, identity)
	if err != nil {
		return err
	}
	var found struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(answer, &found); err != nil || found.Metadata.UID == "" {
		return errors.New("whoever answers is no API server")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, err := os.ReadFile(c.file)
	if errors.Is(err, os.ErrNotExist) {
		return wholefile.Write(c.file, []byte(found.Metadata.UID+"\n"), 0o600)
	}
	if err != nil {
		return err
	}
	if is := strings.TrimSpace(string(known)); is != found.Metadata.UID {
		return &ForeignError{Is: found.Metadata.UID, Known: is, File: c.file}
	}
	return nil
}
