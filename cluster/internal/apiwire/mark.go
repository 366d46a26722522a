package apiwire

import (
	"encoding/json"
	"hash/maphash"
)

// What says nothing new about an object: the number of its version; of nodes,
// besides, what their kubelets report every few minutes.
var (
	unimportant     = sieve{fieldMetadata: sieve{fieldResourceVersion: nil, fieldManagedFields: nil}}
	unimportantNode = sieve{
		fieldMetadata: unimportant[fieldMetadata],
		fieldStatus:   sieve{fieldConditions: nil, fieldImages: nil},
	}
)

// Fields of NodeStatus (core/v1, generated.proto).
const (
	fieldConditions = 4
	fieldImages     = 8
)

// Marker tells objects apart that say something different.
type Marker struct{ seed maphash.Seed }

// NewMarker makes one. Marks of different markers say nothing of each other.
func NewMarker() Marker { return Marker{maphash.MakeSeed()} }

// Mark is equal for objects that say the same.
func (m Marker) Mark(f Format, object Object) (uint64, error) {
	isNode := object.Kind == Kind{"v1", "Node"}
	said, err := said(f, object.Raw, isNode)
	if err != nil {
		return 0, err
	}
	return maphash.Bytes(m.seed, said), nil
}

func said(f Format, raw []byte, isNode bool) ([]byte, error) {
	switch {
	case f != Protobuf:
		return saidInJSON(raw, isNode)
	case isNode:
		return sift(raw, unimportantNode)
	}
	return sift(raw, unimportant)
}

func saidInJSON(raw []byte, isNode bool) ([]byte, error) {
	var whole document
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, err
	}
	if err := whole.without("metadata", "resourceVersion", "managedFields"); err != nil {
		return nil, err
	}
	if isNode {
		if err := whole.without("status", "conditions", "images"); err != nil {
			return nil, err
		}
	}
	return json.Marshal(whole) // members in order
}
