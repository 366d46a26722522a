// Package revocation reads which credentials must not be taken any more, as
// `builder cluster export` writes it.
package revocation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"
)

// format is the version of the file that is understood.
const format = 1

// Credential is one that was taken back.
type Credential struct {
	Serial  string    `json:"serial"`
	Node    string    `json:"node"`
	Revoked time.Time `json:"revoked"`
}

// List is all that were taken back.
type List struct{ credentials map[string]Credential }

// Read reads the list. A cluster without a file has revoked nothing; one that
// cannot be read has a list that nobody knows.
func Read(file string) (List, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return List{}, nil
	}
	if err != nil {
		return List{}, fmt.Errorf("read what was revoked: %w", err)
	}
	list, err := Parse(content)
	if err != nil {
		return List{}, fmt.Errorf("%s: %w; 'builder cluster export' makes it anew", file, err)
	}
	return list, nil
}

// Parse reads the list's content.
func Parse(content []byte) (List, error) {
	var document struct {
		Format      int          `json:"format"`
		Credentials []Credential `json:"credentials"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return List{}, fmt.Errorf("it is no list of revoked credentials: %w", err)
	}
	if document.Format != format {
		return List{}, fmt.Errorf("its format is %d, and this kedge reads %d", document.Format, format)
	}
	list := List{credentials: make(map[string]Credential, len(document.Credentials))}
	for i, credential := range document.Credentials {
		if credential.Serial == "" || credential.Node == "" {
			return List{}, fmt.Errorf("credentials[%d] lacks its serial number or its node", i)
		}
		list.credentials[credential.Serial] = credential
	}
	return list, nil
}

// Find is the credential with this serial number, if it was taken back.
func (l List) Find(serial string) (Credential, bool) {
	found, is := l.credentials[serial]
	return found, is
}

// Nodes are those of which a credential was taken back, in order.
func (l List) Nodes() []string {
	nodes := make(map[string]bool)
	for _, credential := range l.credentials {
		nodes[credential.Node] = true
	}
	return slices.Sorted(maps.Keys(nodes))
}
