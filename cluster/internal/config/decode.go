package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kedge/internal/words"
)

const nullTag = "!!null"

// decoder fills a ClusterConfig and notes everything that is wrong, instead of
// giving up at the first.
type decoder struct {
	places   map[string]*yaml.Node // where each field stands
	problems []Problem
}

// tags are what a field's tags say.
type tags struct {
	rule, keys rule
}

func tagsOf(field reflect.StructField) tags {
	return tags{rule: ruleNamed(field.Tag.Get("rule")), keys: ruleNamed(field.Tag.Get("keys"))}
}

// nameOf is what files call a field.
func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return name
}

func settableOf(config *ClusterConfig) reflect.Value { return reflect.ValueOf(config).Elem() }

func (d *decoder) problem(node *yaml.Node, path, format string, arguments ...any) {
	d.problems = append(d.problems, Problem{Line: node.Line, Column: node.Column, Field: path, Text: fmt.Sprintf(format, arguments...)})
}

// value reads node into target.
func (d *decoder) value(node *yaml.Node, target reflect.Value, path string, t tags) {
	d.places[path] = node
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		d.problem(node, path, "anchors and aliases are not read here; write the value out")
		return
	}
	if node.ShortTag() == nullTag && target.Kind() != reflect.Interface {
		d.problem(node, path, "there is no value; leave the field out, or write one")
		return
	}
	switch target.Kind() {
	case reflect.Struct:
		if d.is(node, yaml.MappingNode, path, "a mapping") {
			d.fields(node, target, path)
		}
	case reflect.Map:
		if d.is(node, yaml.MappingNode, path, "a mapping") {
			d.entries(node, target, path, t)
		}
	case reflect.Slice:
		if d.is(node, yaml.SequenceNode, path, "a list") {
			d.items(node, target, path, t)
		}
	case reflect.Interface:
		d.free(node, target, path)
	default:
		d.scalar(node, target, path, t.rule)
	}
}

func (d *decoder) is(node *yaml.Node, kind yaml.Kind, path, want string) bool {
	if node.Kind != kind {
		d.problem(node, path, "this is %s; it must be %s", kindOf(node), want)
	}
	return node.Kind == kind
}

func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch node.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!str":
		return "text"
	}
	return "of type " + node.ShortTag()
}

// pairs calls with each key of a mapping; one that stands twice is a problem.
func (d *decoder) pairs(node *yaml.Node, path string, with func(key, value *yaml.Node, path string)) {
	seen := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			d.problem(key, path, "a key is %s; it must be text", kindOf(key))
			continue
		}
		at := join(path, key.Value)
		if first, twice := seen[key.Value]; twice {
			d.problem(key, at, "it stands here for the second time; the first is in line %d", first.Line)
			continue
		}
		seen[key.Value] = key
		with(key, value, at)
	}
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func (d *decoder) fields(node *yaml.Node, target reflect.Value, path string) {
	var names []string
	index := make(map[string]int)
	for i := range target.NumField() {
		name := nameOf(target.Type().Field(i))
		names, index[name] = append(names, name), i
	}
	seen := make(map[string]bool)
	d.pairs(node, path, func(key, value *yaml.Node, at string) {
		i, known := index[key.Value]
		if !known {
			d.problem(key, at, "%s", unknownField(at, key.Value, names))
			return
		}
		seen[key.Value] = true
		d.value(value, target.Field(i), at, tagsOf(target.Type().Field(i)))
	})
	for _, name := range names {
		if target.Type().Field(index[name]).Tag.Get("required") != "" && !seen[name] {
			d.problem(node, join(path, name), "it is missing")
		}
	}
}

func unknownField(at, name string, names []string) string {
	if reason, known := leftOut(at); known {
		return reason
	}
	if near, ok := words.Nearest(name, names); ok {
		return fmt.Sprintf("there is no such field; did you mean %q?", near)
	}
	return "there is no such field; there are " + strings.Join(names, ", ")
}

// leftOut are fields that files written for k0s have.
func leftOut(path string) (string, bool) {
	reason, known := map[string]string{
		"spec.telemetry":                         "kedge sends nothing to anybody; leave it out",
		"spec.extensions":                        "kedge installs no charts; put manifests into the manifests directory",
		"spec.installConfig":                     "kedge's components run as users of fixed names; leave it out",
		"spec.network.calico":                    "kedge does not have Calico; use provider custom and Calico's manifests",
		"spec.network.kuberouter":                "kedge does not have kube-router; use provider custom and its manifests",
		"spec.network.nodeLocalLoadBalancing":    "workers do this without being told; leave it out",
		"spec.network.controlPlaneLoadBalancing": "put a load balancer in front, and its name into spec.api.externalAddress",
	}[path]
	return reason, known
}

func (d *decoder) entries(node *yaml.Node, target reflect.Value, path string, t tags) {
	filled := reflect.MakeMap(target.Type())
	d.pairs(node, path, func(key, value *yaml.Node, at string) {
		if problem := t.keys.problemOf(key.Value); problem != "" {
			d.problem(key, at, "%s", problem)
		}
		element := reflect.New(target.Type().Elem()).Elem()
		d.value(value, element, at, t)
		filled.SetMapIndex(reflect.ValueOf(key.Value), element)
	})
	target.Set(filled)
}

func (d *decoder) items(node *yaml.Node, target reflect.Value, path string, t tags) {
	filled := reflect.MakeSlice(target.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		d.value(item, filled.Index(i), fmt.Sprintf("%s[%d]", path, i), t)
	}
	target.Set(filled)
}

// free reads what kedge hands on without knowing its fields.
func (d *decoder) free(node *yaml.Node, target reflect.Value, path string) {
	switch node.Kind {
	case yaml.MappingNode:
		value := make(map[string]any)
		d.entries(node, reflect.ValueOf(&value).Elem(), path, tags{})
		target.Set(reflect.ValueOf(value))
	case yaml.SequenceNode:
		var value []any
		d.items(node, reflect.ValueOf(&value).Elem(), path, tags{})
		target.Set(reflect.ValueOf(value))
	default:
		var value any
		if err := node.Decode(&value); err != nil {
			d.problem(node, path, "%s", syntaxProblem(err).Text)
		} else if value != nil {
			target.Set(reflect.ValueOf(value))
		}
	}
}

func (d *decoder) scalar(node *yaml.Node, target reflect.Value, path string, r rule) {
	want := map[reflect.Kind]string{reflect.String: "!!str", reflect.Int: "!!int", reflect.Bool: "!!bool"}[target.Kind()]
	name := map[reflect.Kind]string{reflect.String: "text", reflect.Int: "a whole number", reflect.Bool: "true or false"}[target.Kind()]
	if node.Kind != yaml.ScalarNode || node.ShortTag() != want {
		hint := ""
		if node.Kind == yaml.ScalarNode && target.Kind() == reflect.String {
			hint = fmt.Sprintf(": write %s", strconv.Quote(node.Value))
		}
		d.problem(node, path, "this is %s; it must be %s%s", kindOf(node), name, hint)
		return
	}
	if err := node.Decode(target.Addr().Interface()); err != nil {
		d.problem(node, path, "%s must be %s", node.Value, name)
		return
	}
	switch target.Kind() {
	case reflect.String:
		if problem := r.problemOf(target.String()); problem != "" {
			d.problem(node, path, "%s", problem)
		}
	case reflect.Int:
		if number := target.Int(); r.max != 0 && (number < int64(r.min) || number > int64(r.max)) {
			d.problem(node, path, "%d must be %s", number, r.what)
		}
	}
}
