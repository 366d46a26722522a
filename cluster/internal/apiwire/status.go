package apiwire

import (
	"encoding/json"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// statusKind is what an API server refuses with.
var statusKind = Kind{"v1", "Status"}

// NewStatus is the object by which a request is refused, or a watch ended.
func (f Format) NewStatus(status meta.Status) (Object, error) {
	status.Status = meta.StatusFailure
	object := Object{Kind: statusKind}
	var err error
	if f == Protobuf {
		object.Raw, err = status.Marshal()
		return object, err
	}
	status.TypeMeta = meta.TypeMeta{APIVersion: statusKind.APIVersion, Kind: statusKind.Kind}
	object.Raw, err = json.Marshal(status)
	return object, err
}

// NewBookmark is the object of a bookmark after all objects that there are.
func (f Format) NewBookmark(kind Kind, resourceVersion string) (Object, error) {
	about := meta.PartialObjectMetadata{ObjectMeta: meta.ObjectMeta{
		ResourceVersion: resourceVersion, Annotations: map[string]string{initialEventsEnd: "true"},
	}}
	object := Object{Kind: kind, ResourceVersion: resourceVersion}
	var err error
	if f == Protobuf {
		object.Raw, err = about.Marshal()
		return object, err
	}
	about.TypeMeta = meta.TypeMeta{APIVersion: kind.APIVersion, Kind: kind.Kind}
	object.Raw, err = json.Marshal(about)
	return object, err
}
