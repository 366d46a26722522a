package nodeconfig

import (
	_ "embed" // the schema
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"kedge/internal/words"
)

// schemaText is a copy of schemas/node.schema.json, which is made of builder's
// model and written to both places.
//
//go:embed node.schema.json
var schemaText []byte

// schema is what of JSON Schema that file uses.
type schema struct {
	Ref               string             `json:"$ref"`
	Comment           string             `json:"$comment"` // what the value must be, in words
	Type              string             `json:"type"`
	Const             *int64             `json:"const"`
	Enum              []string           `json:"enum"`
	Pattern           string             `json:"pattern"`
	Minimum           *int64             `json:"minimum"`
	Maximum           *int64             `json:"maximum"`
	MaxLength         int                `json:"maxLength"`
	UniqueItems       bool               `json:"uniqueItems"`
	Items             *schema            `json:"items"`
	Properties        map[string]*schema `json:"properties"`
	PatternProperties map[string]*schema `json:"patternProperties"`
	PropertyNames     *schema            `json:"propertyNames"`
	Required          []string           `json:"required"`
	Defs              map[string]*schema `json:"$defs"`
}

// checker holds a tree against the schema.
type checker struct {
	root     *schema
	problems Problems
	wrong    map[string]bool // keys of the whole file that have something wrong in them
}

func newChecker() (*checker, error) {
	root := new(schema)
	if err := json.Unmarshal(schemaText, root); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", FileName, err)
	}
	return &checker{root: root, wrong: make(map[string]bool)}, nil
}

// at notes a problem and which key of the file it spoils.
func (c *checker) at(line, column int, path keyPath, text string) {
	c.problems = append(c.problems, Problem{Line: line, Column: column, Key: path.String(), Text: text})
	c.spoil(path)
}

func (c *checker) spoil(path keyPath) {
	if len(path) > 0 {
		c.wrong[path[0].(string)] = true
	}
}

// value checks n, whose key, or itself in a list, stands at key; it returns
// what n says, for JSON.
func (c *checker) value(n *node, s *schema, path keyPath, key *node) any {
	if name, is := strings.CutPrefix(s.Ref, "#/$defs/"); is {
		s = c.root.Defs[name]
	}
	if n.kind == broken {
		c.spoil(path)
		return nil
	}
	switch {
	case s.Type == "object":
		if n.kind == mapping {
			return c.object(n, s, path, key)
		}
	case s.Type == "array":
		if n.kind == list {
			return c.array(n, s, path)
		}
	default:
		problem := s.scalarProblem(n)
		if problem == "" {
			return n.value
		}
		c.at(n.line, n.column, path, problem)
		return nil
	}
	c.at(n.line, n.column, path, "must be "+map[string]string{"object": "a mapping: lines of 'key: value'", "array": "a list"}[s.Type])
	return nil
}

func (c *checker) object(n *node, s *schema, path keyPath, key *node) any {
	made := make(map[string]any)
	for _, one := range n.entries {
		at := path.with(one.key)
		if one.value.kind == scalar && one.value.value == nil {
			// Not wrong by itself: were it left out, a default would hold.
			c.problems = append(c.problems, Problem{
				Line: one.value.line, Column: one.value.column, Key: at.String(), Text: "there is no value; write one, or leave the key out",
			})
			continue
		}
		inner, problem := s.property(one.key)
		if problem != "" {
			c.at(one.line, one.column, at, problem)
			if inner == nil {
				continue
			}
		}
		made[one.key] = c.value(one.value, inner, at, &node{line: one.line, column: one.column})
	}
	for _, name := range s.Required {
		if found := n.get(name); found == nil || found.value.kind == scalar && found.value.value == nil {
			c.at(key.line, key.column, path.with(name), "is required, but missing")
		}
	}
	return made
}

// property is the schema of a key, or what is wrong with it.
func (s *schema) property(key string) (*schema, string) {
	for pattern, inner := range s.PatternProperties {
		if regexp.MustCompile(pattern).MatchString(key) {
			return inner, ""
		}
		return inner, "the key must be " + s.PropertyNames.Comment
	}
	if inner, known := s.Properties[key]; known {
		return inner, ""
	}
	names := slices.Sorted(maps.Keys(s.Properties))
	if near, found := words.Nearest(key, names); found {
		return nil, fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	return nil, "unknown key; allowed: " + strings.Join(names, ", ")
}

func (c *checker) array(n *node, s *schema, path keyPath) any {
	made, before := make([]any, 0, len(n.items)), len(c.problems)
	for i, item := range n.items {
		at := path.with(i)
		if item.kind == scalar && item.value == nil {
			c.at(item.line, item.column, at, "there is no value; write one, or leave the key out")
			continue
		}
		made = append(made, c.value(item, s.Items, at, item))
	}
	if s.UniqueItems && len(c.problems) == before {
		for i, item := range made {
			if slices.Contains(made[:i], item) {
				c.at(n.items[i].line, n.items[i].column, path.with(i), "is listed already")
				break
			}
		}
	}
	return made
}

// scalarProblem says what is wrong with a single value.
func (s *schema) scalarProblem(n *node) string {
	switch {
	case s.Const != nil:
		if number, is := n.value.(int64); n.kind != scalar || !is || number != *s.Const {
			return fmt.Sprintf("is not known here: it must be %d", *s.Const)
		}
	case s.Type == "boolean":
		if _, is := n.value.(bool); n.kind != scalar || !is {
			return "must be true or false"
		}
	case s.Type == "integer":
		number, is := n.value.(int64)
		if n.kind != scalar || !is || number < *s.Minimum || number > *s.Maximum {
			return fmt.Sprintf("must be a whole number from %d to %d", *s.Minimum, *s.Maximum)
		}
	default:
		text, is := n.value.(string)
		if n.kind != scalar || !is {
			return "must be text; put it in quotes if it is"
		}
		return s.textProblem(text)
	}
	return ""
}

func (s *schema) textProblem(text string) string {
	switch {
	case s.Enum != nil && !slices.Contains(s.Enum, text):
		return "must be one of " + strings.Join(s.Enum, ", ")
	case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text):
		return "must be " + s.Comment
	case s.MaxLength != 0 && utf8.RuneCountInString(text) > s.MaxLength:
		return fmt.Sprintf("must have at most %d characters", s.MaxLength)
	}
	if problem, has := readings()[s.Comment]; has {
		return problem(text)
	}
	return ""
}
