package nodeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxBytes is far more than a device needs to be told.
const maxBytes = 1 << 20

// kind is what a value is. Nothing more is said about a broken one.
type kind int

const (
	broken kind = iota
	scalar
	list
	mapping
)

// node is a value, and where it stands.
type node struct {
	kind         kind
	line, column int
	value        any // of a scalar: nil, bool, int64, float64 or string
	items        []*node
	entries      []entry
}

// entry is a key of a mapping with its value.
type entry struct {
	key          string
	line, column int
	value        *node
}

func (n *node) get(key string) *entry {
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// parser makes a tree and notes what two readers of YAML could take differently.
type parser struct{ problems Problems }

func (p *parser) problem(at *yaml.Node, text string) {
	p.problems = append(p.problems, Problem{Line: at.Line, Column: at.Column, Text: text})
}

// parse is the tree of the only document; nil where there is none to be had.
func (p *parser) parse(content []byte) *node {
	content, whole := p.text(content)
	if whole != "" {
		p.problems = append(p.problems, Problem{Text: whole})
		return nil
	}
	reader := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	err := reader.Decode(&first)
	if errors.Is(err, io.EOF) {
		p.problems = append(p.problems, Problem{Text: "the file is empty"})
		return nil
	}
	if err == nil {
		if err = reader.Decode(&second); err == nil {
			p.problem(&second, "a second document starts here; only one is allowed in a file")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.problems = append(p.problems, syntaxProblem(err, content))
		return nil
	}
	return p.node(first.Content[0])
}

// text is the content with plain line ends, or what is wrong with all of it.
func (p *parser) text(content []byte) ([]byte, string) {
	switch {
	case len(content) > maxBytes:
		return nil, "larger than 1 MiB, the limit for a file like this"
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		return nil, "encoded as UTF-16; save it as UTF-8"
	case !utf8.Valid(content):
		return nil, "not UTF-8; save the file as UTF-8"
	}
	if rest, marked := bytes.CutPrefix(content, []byte("\xef\xbb\xbf")); marked {
		p.problems = append(p.problems, Problem{Line: 1, Column: 1, Text: "starts with a byte order mark; save it as UTF-8 without one"})
		content = rest
	}
	if at := bytes.IndexByte(content, '\r'); at >= 0 {
		line := 1 + bytes.Count(content[:at], []byte("\n"))
		p.problems = append(p.problems, Problem{Line: line, Column: 1, Text: "a carriage return ends the line; save with Unix line ends (LF)"})
		content = bytes.ReplaceAll(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	}
	return content, ""
}

// fromZero is how messages begin whose line counts from 0: those of the
// library's parser. Its scanner counts from 1.
var fromZero = regexp.MustCompile(`^did not find expected (<|node content|key|'-'|',')`)

var unknownAlias = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)

// syntaxProblem takes the line out of the library's message, which has no
// column. One message has no line, and repeats what is written there.
func syntaxProblem(err error, content []byte) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if alias := unknownAlias.FindStringSubmatch(text); alias != nil {
		before, _, _ := bytes.Cut(content, []byte("*"+alias[1]))
		return Problem{Line: 1 + bytes.Count(before, []byte("\n")), Column: 1, Text: "aliases are not supported; write the value out"}
	}
	if found := regexp.MustCompile(`^line (\d+): (.*)`).FindStringSubmatch(text); found != nil {
		if line, err := strconv.Atoi(found[1]); err == nil {
			if fromZero.MatchString(found[2]) {
				line++
			}
			return Problem{Line: line, Column: 1, Text: found[2]}
		}
	}
	return Problem{Line: 1, Column: 1, Text: text}
}

func (p *parser) node(from *yaml.Node) *node {
	made := &node{line: from.Line, column: from.Column}
	if from.Kind == yaml.AliasNode {
		p.problem(from, "aliases are not supported; write the value out")
		return made
	}
	p.decoration(from)
	switch from.Kind {
	case yaml.MappingNode:
		made.kind = mapping
		p.entries(from, made)
	case yaml.SequenceNode:
		made.kind = list
		for _, item := range from.Content {
			made.items = append(made.items, p.node(item))
		}
	default:
		p.scalar(from, made)
	}
	return made
}

// decoration refuses what changes the meaning of a value from outside.
func (p *parser) decoration(from *yaml.Node) {
	if from.Anchor != "" {
		p.problem(from, "anchors (&) are not supported; write values out")
	}
	if from.Style&yaml.TaggedStyle != 0 {
		p.problem(from, "tags (!) are not supported; quotes make a value text")
	}
}

// possibleKey is what keys of the format, labels and interfaces consist of. To
// YAML `passphrase:secret` is a key, too: others are told by their place alone.
var possibleKey = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

func (p *parser) entries(from *yaml.Node, made *node) {
	for i := 0; i+1 < len(from.Content); i += 2 {
		key, value := from.Content[i], p.node(from.Content[i+1])
		if key.Kind != yaml.ScalarNode {
			p.problem(key, "a key must be text; quote text that starts with a special character")
			continue
		}
		p.decoration(key)
		if isPlain(key) && key.Value == "<<" {
			p.problem(key, "merging with '<<' is not supported; write values out")
			continue
		}
		if first := made.get(key.Value); first != nil {
			p.problem(key, fmt.Sprintf("the key is written in line %d already", first.line))
			continue
		}
		if !possibleKey.MatchString(key.Value) {
			p.problem(key, "this is no key; write 'key: value', with a space between")
			continue
		}
		made.entries = append(made.entries, entry{key: key.Value, line: key.Line, column: key.Column, value: value})
	}
}

func isPlain(from *yaml.Node) bool {
	return from.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
}

func (p *parser) scalar(from *yaml.Node, made *node) {
	made.kind, made.value = scalar, from.Value
	if !isPlain(from) {
		return
	}
	value, problem := plainValue(from.Value)
	if problem != "" {
		p.problem(from, problem)
		made.kind = broken
	}
	made.value = value
}

var (
	integer     = regexp.MustCompile(`^[-+]?[0-9]+$`)
	float       = regexp.MustCompile(`^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$`)
	leadingZero = regexp.MustCompile(`^[-+]?0[0-9]+$`)
)

// plainValue is what text without quotes means: the core rules of YAML 1.2 alone.
func plainValue(text string) (any, string) {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nil, ""
	case "true", "True", "TRUE":
		return true, ""
	case "false", "False", "FALSE":
		return false, ""
	}
	switch {
	case leadingZero.MatchString(text):
		return nil, "a number with a leading zero is octal to some readers; write it without, or in quotes for text"
	case integer.MatchString(text):
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, "the number does not fit into 64 bits; put it in quotes if it is text"
		}
		return number, ""
	case float.MatchString(text):
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(number, 0) {
			return nil, "the number is out of range; put it in quotes if it is text"
		}
		return number, ""
	}
	return text, ""
}
