package config

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// object keeps its order: what a reader of the schema wants first comes first.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	separator := byte('{')
	for _, m := range o {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		out.WriteByte(separator)
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
		separator = ','
	}
	if len(o) == 0 {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// encode leaves characters alone that only HTML would need escaped.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(out.Bytes()), err
}

// Schema is the JSON Schema of a ClusterConfig. It refuses what single fields
// can show; Parse sees more.
func Schema() ([]byte, error) {
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$comment", "Generated: kedge config schema"},
		{"title", Kind},
		{"description", "What a cluster shall be: the file that kedge controller --config takes."},
	}
	compact, err := encode(append(root, schemaOf(reflect.ValueOf(Default()), tags{})...))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// schemaOf describes values of a type; value is the default.
func schemaOf(value reflect.Value, t tags) object {
	switch value.Kind() {
	case reflect.Struct:
		return schemaOfStruct(value)
	case reflect.Map:
		return object{
			{"type", "object"},
			{"propertyNames", t.keys.schema()},
			{"additionalProperties", schemaOf(reflect.Zero(value.Type().Elem()), t)},
		}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", schemaOf(reflect.Zero(value.Type().Elem()), t)}}
	case reflect.Interface:
		return object{}
	}
	kind := map[reflect.Kind]string{reflect.String: "string", reflect.Int: "integer", reflect.Bool: "boolean"}[value.Kind()]
	return append(object{{"type", kind}}, t.rule.schema()...)
}

func schemaOfStruct(value reflect.Value) object {
	properties := object{}
	var required []string
	for i := range value.NumField() {
		field := value.Type().Field(i)
		described := append(object{{"description", field.Tag.Get("doc")}}, schemaOf(value.Field(i), tagsOf(field))...)
		if is := value.Field(i); isScalar(is) && !is.IsZero() && field.Tag.Get("required") == "" {
			described = append(described, member{"default", is.Interface()})
		}
		properties = append(properties, member{nameOf(field), described})
		if field.Tag.Get("required") != "" {
			required = append(required, nameOf(field))
		}
	}
	described := object{{"type", "object"}, {"additionalProperties", false}}
	if required != nil {
		described = append(described, member{"required", required})
	}
	return append(described, member{"properties", properties})
}

func isScalar(value reflect.Value) bool {
	return value.Kind() == reflect.String || value.Kind() == reflect.Int || value.Kind() == reflect.Bool
}

// schema is the rule in the words of JSON Schema.
func (r rule) schema() object {
	switch {
	case r.forbids:
		return object{{"not", object{{"enum", r.choices}}}}
	case r.choices != nil:
		return object{{"enum", r.choices}}
	case r.pattern != "":
		return object{{"pattern", r.whole()}}
	case r.max != 0:
		return object{{"minimum", r.min}, {"maximum", r.max}}
	}
	return object{}
}
