package apiwire

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// magic begins what is enveloped (runtime/serializer/protobuf).
var magic = []byte("k8s\x00")

// Fields that all objects and lists have (apimachinery, generated.proto).
const (
	fieldMetadata = 1 // of objects and lists
	fieldItems    = 2 // of lists
	fieldStatus   = 3 // of objects

	fieldName            = 1 // of ObjectMeta
	fieldNamespace       = 3
	fieldResourceVersion = 6
	fieldManagedFields   = 17
)

// envelope tells the kind of what is within.
func envelope(kind Kind, raw []byte) ([]byte, error) {
	unknown := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: kind.APIVersion, Kind: kind.Kind}, Raw: raw}
	encoded, err := unknown.Marshal()
	if err != nil {
		return nil, err
	}
	return append(bytes.Clone(magic), encoded...), nil
}

func unwrap(body []byte) (Kind, []byte, error) {
	inner, ok := bytes.CutPrefix(body, magic)
	if !ok {
		return Kind{}, nil, errForeign
	}
	var unknown runtime.Unknown
	if err := unknown.Unmarshal(inner); err != nil {
		return Kind{}, nil, err
	}
	return Kind{unknown.APIVersion, unknown.Kind}, unknown.Raw, nil
}

func parseProtobufObject(body []byte) (Object, error) {
	kind, raw, err := unwrap(body)
	if err != nil {
		return Object{}, err
	}
	return identify(kind, raw)
}

// identify reads from an object's metadata who it is.
func identify(kind Kind, raw []byte) (Object, error) {
	kept, err := sift(raw, sieve{fieldMetadata: sieve{fieldManagedFields: nil}})
	if err != nil {
		return Object{}, err
	}
	object := Object{Kind: kind, Raw: kept}
	return object, fields(raw, func(number protowire.Number, value []byte) error {
		if number != fieldMetadata {
			return nil
		}
		return fields(value, func(number protowire.Number, value []byte) error {
			switch number {
			case fieldName:
				object.Name = string(value)
			case fieldNamespace:
				object.Namespace = string(value)
			case fieldResourceVersion:
				object.ResourceVersion = string(value)
			}
			return nil
		})
	})
}

// fields calls visit with every field of a message that is bytes: texts and messages.
func fields(message []byte, visit func(number protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		if kind != protowire.BytesType {
			size = protowire.ConsumeFieldValue(number, kind, message)
			if size < 0 {
				return protowire.ParseError(size)
			}
			message = message[size:]
			continue
		}
		value, size := protowire.ConsumeBytes(message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		if err := visit(number, value); err != nil {
			return err
		}
	}
	return nil
}

// sieve names fields of a message: those that fall through (nil), and those of
// whose fields some do.
type sieve map[protowire.Number]sieve

// sift copies a message without what falls through.
func sift(message []byte, through sieve) ([]byte, error) {
	kept := make([]byte, 0, len(message))
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeField(message)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		field := message[:size]
		message = message[size:]
		finer, named := through[number]
		switch {
		case !named:
			kept = append(kept, field...)
		case finer != nil && kind == protowire.BytesType:
			_, _, tag := protowire.ConsumeTag(field)
			value, _ := protowire.ConsumeBytes(field[tag:])
			value, err := sift(value, finer)
			if err != nil {
				return nil, err
			}
			kept = protowire.AppendTag(kept, number, kind)
			kept = protowire.AppendBytes(kept, value)
		}
	}
	return kept, nil
}

func parseProtobufList(body []byte) (List, error) {
	kind, raw, err := unwrap(body)
	if err != nil {
		return List{}, err
	}
	item, isList := itemKind(kind)
	if !isList {
		return List{}, errForeign
	}
	list := List{Kind: item}
	return list, fields(raw, func(number protowire.Number, value []byte) error {
		switch number {
		case fieldMetadata:
			var about meta.ListMeta
			if err := about.Unmarshal(value); err != nil {
				return err
			}
			list.ResourceVersion, list.Continue = about.ResourceVersion, about.Continue
		case fieldItems:
			object, err := identify(item, value)
			if err != nil {
				return err
			}
			list.Objects = append(list.Objects, object)
		}
		return nil
	})
}

func encodeProtobufList(list List) ([]byte, error) {
	about, err := (&meta.ListMeta{ResourceVersion: list.ResourceVersion}).Marshal()
	if err != nil {
		return nil, err
	}
	var raw []byte
	raw = protowire.AppendTag(raw, fieldMetadata, protowire.BytesType)
	raw = protowire.AppendBytes(raw, about)
	for _, object := range list.Objects {
		raw = protowire.AppendTag(raw, fieldItems, protowire.BytesType)
		raw = protowire.AppendBytes(raw, object.Raw)
	}
	return envelope(Kind{list.APIVersion, list.Kind.Kind + listSuffix}, raw)
}

func parseProtobufEvent(frame []byte) (Event, error) {
	var message meta.WatchEvent
	if err := message.Unmarshal(frame); err != nil {
		return Event{}, err
	}
	object, err := parseProtobufObject(message.Object.Raw)
	if err != nil {
		return Event{}, err
	}
	event := Event{Type: message.Type, Object: object}
	if event.Type == Bookmark {
		var about meta.PartialObjectMetadata
		if err := about.Unmarshal(object.Raw); err != nil {
			return Event{}, err
		}
		event.EndsInitial = about.Annotations[initialEventsEnd] == "true"
	}
	return event, nil
}

func encodeProtobufEvent(kind string, object Object) ([]byte, error) {
	enveloped, err := envelope(object.Kind, object.Raw)
	if err != nil {
		return nil, err
	}
	message := meta.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: enveloped}}
	encoded, err := message.Marshal()
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(encoded))), encoded...), nil
}
