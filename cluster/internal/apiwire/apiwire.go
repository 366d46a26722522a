// Package apiwire reads and writes what an API server and its clients say to
// each other, as far as one must to keep objects and to tell them again: it finds
// objects in lists and watches, and who they are. What is in them it leaves as it is.
package apiwire

import (
	"errors"
	"mime"
	"strings"
)

// Format is how objects are encoded; the value is the content type.
type Format string

// The formats of the API server that are understood here.
const (
	JSON     Format = "application/json"
	Protobuf Format = "application/vnd.kubernetes.protobuf"
)

// Kind is what an object is.
type Kind struct {
	APIVersion string
	Kind       string
}

// listSuffix ends the kinds of lists.
const listSuffix = "List"

// Object is one object without its managed fields, which no reader needs.
type Object struct {
	Kind
	Namespace       string
	Name            string
	ResourceVersion string
	// Raw is the object in its format; in protobuf without the envelope that
	// tells the kind.
	Raw []byte
}

// List is what a question for many objects is answered with.
type List struct {
	// Kind is that of the objects.
	Kind
	ResourceVersion string
	// Continue says that there is more.
	Continue string
	Objects  []Object
}

// The types of events.
const (
	Added    = "ADDED"
	Modified = "MODIFIED"
	Deleted  = "DELETED"
	Bookmark = "BOOKMARK"
	Error    = "ERROR"
)

// Event is one message of a watch.
type Event struct {
	Type   string
	Object Object
	// EndsInitial says of a bookmark that what there was before the watch has been told.
	EndsInitial bool
}

// initialEventsEnd is the annotation that says so (meta.InitialEventsAnnotationKey).
const initialEventsEnd = "k8s.io/initial-events-end"

var errForeign = errors.New("this is no answer of an API server")

// FormatOf is the format of a content type; "" for others, and for objects that
// are told as something else, as tables are.
func FormatOf(contentType string) Format {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || parameters["as"] != "" {
		return ""
	}
	switch format := Format(media); format {
	case JSON, Protobuf:
		return format
	}
	return ""
}

// Accepted are the formats that a client takes, the best first.
func Accepted(header string) []Format {
	var accepted []Format
	for one := range strings.SplitSeq(header, ",") {
		switch media := strings.TrimSpace(one); {
		case media == "" || strings.HasPrefix(media, "*/*") || strings.HasPrefix(media, "application/*"):
			accepted = append(accepted, JSON)
		default:
			if format := FormatOf(media); format != "" {
				accepted = append(accepted, format)
			}
		}
	}
	return accepted
}

// StreamType is the content type of a watch.
func (f Format) StreamType() string {
	if f == Protobuf {
		return string(f) + ";stream=watch"
	}
	return string(f)
}

// ParseList finds the objects of a list.
func (f Format) ParseList(body []byte) (List, error) {
	if f == Protobuf {
		return parseProtobufList(body)
	}
	return parseJSONList(body)
}

// EncodeList makes a list of objects that have the list's kind.
func (f Format) EncodeList(list List) ([]byte, error) {
	if f == Protobuf {
		return encodeProtobufList(list)
	}
	return encodeJSONList(list)
}

// ParseObject finds out what a single object is.
func (f Format) ParseObject(body []byte) (Object, error) {
	if f == Protobuf {
		return parseProtobufObject(body)
	}
	return parseJSONObject(body, Kind{})
}

// EncodeObject makes the answer that consists of one object.
func (f Format) EncodeObject(object Object) ([]byte, error) {
	if f == Protobuf {
		return envelope(object.Kind, object.Raw)
	}
	return object.Raw, nil
}

// ParseEvent reads a message of a watch that Frames has found.
func (f Format) ParseEvent(frame []byte) (Event, error) {
	if f == Protobuf {
		return parseProtobufEvent(frame)
	}
	return parseJSONEvent(frame)
}

// EncodeEvent makes a message of a watch, with what separates it from the next.
func (f Format) EncodeEvent(kind string, object Object) ([]byte, error) {
	if f == Protobuf {
		return encodeProtobufEvent(kind, object)
	}
	return encodeJSONEvent(kind, object)
}
