package apiwire

import (
	"bytes"
	"encoding/json"
	"strings"
)

// document is a JSON object whose members are left as they are.
type document map[string]json.RawMessage

func itemKind(list Kind) (Kind, bool) {
	item, isList := strings.CutSuffix(list.Kind, listSuffix)
	return Kind{list.APIVersion, item}, isList && item != ""
}

// parseJSONObject reads who an object is. Those within lists do not tell their
// kind: it is known.
func parseJSONObject(body []byte, known Kind) (Object, error) {
	var whole document
	if err := json.Unmarshal(body, &whole); err != nil {
		return Object{}, err
	}
	var named struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name            string `json:"name"`
			Namespace       string `json:"namespace"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &named); err != nil {
		return Object{}, err
	}
	kind := Kind{named.APIVersion, named.Kind}
	if kind.Kind == "" {
		kind = known
		whole["apiVersion"], whole["kind"] = quoted(kind.APIVersion), quoted(kind.Kind)
	}
	if err := whole.without("metadata", "managedFields"); err != nil {
		return Object{}, err
	}
	raw, err := json.Marshal(whole)
	return Object{
		Kind: kind, Namespace: named.Metadata.Namespace, Name: named.Metadata.Name, ResourceVersion: named.Metadata.ResourceVersion, Raw: raw,
	}, err
}

// without removes members of one of the members.
func (d document) without(member string, names ...string) error {
	if len(d[member]) == 0 {
		return nil
	}
	var inner document
	if err := json.Unmarshal(d[member], &inner); err != nil {
		return err
	}
	for _, name := range names {
		delete(inner, name)
	}
	var err error
	d[member], err = json.Marshal(inner)
	return err
}

func quoted(text string) json.RawMessage {
	encoded, _ := json.Marshal(text) // a text can always be encoded
	return encoded
}

func parseJSONList(body []byte) (List, error) {
	var found struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			ResourceVersion string `json:"resourceVersion"`
			Continue        string `json:"continue"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &found); err != nil {
		return List{}, err
	}
	item, isList := itemKind(Kind{found.APIVersion, found.Kind})
	if !isList {
		return List{}, errForeign
	}
	list := List{Kind: item, ResourceVersion: found.Metadata.ResourceVersion, Continue: found.Metadata.Continue}
	for _, raw := range found.Items {
		object, err := parseJSONObject(raw, item)
		if err != nil {
			return List{}, err
		}
		list.Objects = append(list.Objects, object)
	}
	return list, nil
}

func encodeJSONList(list List) ([]byte, error) {
	items := make([]json.RawMessage, 0, len(list.Objects))
	for _, object := range list.Objects {
		items = append(items, object.Raw)
	}
	return json.Marshal(map[string]any{
		"apiVersion": list.APIVersion, "kind": list.Kind.Kind + listSuffix,
		"metadata": map[string]string{"resourceVersion": list.ResourceVersion}, "items": items,
	})
}

// jsonEvent is the form of a message.
type jsonEvent struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

func parseJSONEvent(frame []byte) (Event, error) {
	var message jsonEvent
	if err := json.Unmarshal(frame, &message); err != nil {
		return Event{}, err
	}
	object, err := parseJSONObject(message.Object, Kind{})
	if err != nil {
		return Event{}, err
	}
	event := Event{Type: message.Type, Object: object}
	if event.Type == Bookmark {
		var about struct {
			Metadata struct {
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(message.Object, &about); err != nil {
			return Event{}, err
		}
		event.EndsInitial = about.Metadata.Annotations[initialEventsEnd] == "true"
	}
	return event, nil
}

func encodeJSONEvent(kind string, object Object) ([]byte, error) {
	encoded, err := json.Marshal(jsonEvent{kind, object.Raw})
	if err != nil {
		return nil, err
	}
	return append(bytes.TrimSpace(encoded), '\n'), nil
}
