package nodeconfig

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, and where. Line 0 is the file as a whole.
// The text never repeats a value: it may be a secret, and is read on cards.
type Problem struct {
	Line, Column int
	Key          string
	Text         string
}

func (p Problem) message() string {
	if p.Key == "" {
		return p.Text
	}
	return p.Key + ": " + p.Text
}

func (p Problem) String() string {
	if p.Line == 0 {
		return FileName + ": " + p.message()
	}
	return fmt.Sprintf("%s:%d: %s", FileName, p.Line, p.message())
}

// Problems are all that is wrong with a file, in the order of its lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, problem := range p {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.message(), b.message()))
	})
	return p
}

// keyPath names a value: strings for keys, ints for items.
type keyPath []any

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// with is a copy that goes on, so that no two paths share what follows.
func (p keyPath) with(segments ...any) keyPath { return append(slices.Clone(p), segments...) }

// String is the path as people write it: labels."example.com/crop", files[0].path.
func (p keyPath) String() string {
	var text strings.Builder
	for _, segment := range p {
		name, isKey := segment.(string)
		switch {
		case !isKey:
			fmt.Fprintf(&text, "[%d]", segment)
			continue
		case text.Len() > 0:
			text.WriteByte('.')
		}
		if !bareKey.MatchString(name) {
			quoted, _ := json.Marshal(name) // text cannot fail
			name = string(quoted)
		}
		text.WriteString(name)
	}
	return text.String()
}
