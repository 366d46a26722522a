package apiproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"kedge/internal/wholefile"
)

// identity is whose UID is the cluster's: this namespace is made with the
// database, and cannot be deleted.
const identity = "/api/v1/namespaces/kube-system"

// Cluster is how the node's cluster is told from another at the same address,
// such as one whose controller has lost its data: that one knows no pods, and the
// node would end all of its own.
type Cluster struct {
	// File has the UID, from the first contact on.
	File string
}

// check tells why whoever answers is not this node's controller.
func (c Cluster) check(ctx context.Context, server *upstream) error {
	answer, err := server.fetch(ctx, identity)
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
	known, err := os.ReadFile(c.File)
	if errors.Is(err, os.ErrNotExist) {
		return c.remember(found.Metadata.UID)
	}
	if err != nil {
		return err
	}
	if is := strings.TrimSpace(string(known)); is != found.Metadata.UID {
		return fmt.Errorf("the controller has another database than this node knows (its cluster is %s, not %s): the node keeps its pods and follows no orders; "+
			"restore the controller from a backup, or let the node follow the new one: remove %s", found.Metadata.UID, is, c.File)
	}
	return nil
}

func (c Cluster) remember(uid string) error {
	return wholefile.Write(c.File, []byte(uid+"\n"), 0o600)
}
