package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference is the page that tells users of every field.
func Reference() string {
	var out strings.Builder
	out.WriteString(`<!-- Generated from the fields of a ClusterConfig, do not edit: kedge config reference -->
# ClusterConfig

The file that ` + "`kedge controller --config FILE`" + ` takes. ` + "`kedge config create`" + ` prints one with every default, and
` + "`kedge config validate`" + ` judges one without starting anything: it names everything that is wrong, with line, column and field.
Everything can be left out but ` + "`apiVersion` and `kind`" + `. Field names that k0s has too mean the same here. The JSON Schema is
` + "`schemas/clusterconfig.schema.json`, or `kedge config schema`" + `.

| field | type | default | |
|---|---|---|---|
`)
	referRows(&out, reflect.ValueOf(Default()), "")
	return out.String()
}

func referRows(out *strings.Builder, value reflect.Value, path string) {
	for i := range value.NumField() {
		field, is := value.Type().Field(i), value.Field(i)
		name := join(path, nameOf(field))
		shown := ""
		switch {
		case field.Tag.Get("required") != "":
			shown = "required"
		case isScalar(is) && (!is.IsZero() || is.Kind() == reflect.Bool):
			shown = fmt.Sprintf("`%v`", is.Interface())
		}
		kind := strings.ReplaceAll(typeOf(is.Type(), tagsOf(field)), "|", `\|`)
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", name, kind, shown, field.Tag.Get("doc"))
		switch element := is.Type(); {
		case element.Kind() == reflect.Struct:
			referRows(out, is, name)
		case element.Kind() == reflect.Slice && element.Elem().Kind() == reflect.Struct:
			referRows(out, reflect.Zero(element.Elem()), name+"[]")
		}
	}
}

func typeOf(is reflect.Type, t tags) string {
	switch is.Kind() {
	case reflect.Struct:
		return ""
	case reflect.Slice:
		return strings.TrimSpace("list " + ofElements(is.Elem(), t))
	case reflect.Map:
		keys := ""
		if t.keys.choices != nil && !t.keys.forbids {
			keys = " by " + quoted(t.keys.choices)
		}
		return strings.TrimSpace("mapping "+ofElements(is.Elem(), t)) + keys
	case reflect.Bool:
		return "boolean"
	}
	if t.rule.choices != nil {
		return quoted(t.rule.choices)
	}
	if t.rule.what != "" {
		return t.rule.what
	}
	return "text"
}

func ofElements(is reflect.Type, t tags) string {
	if element := typeOf(is, t); is.Kind() != reflect.Interface && element != "" {
		return "of " + element
	}
	return ""
}

func quoted(choices []string) string { return "`" + strings.Join(choices, "`, `") + "`" }
