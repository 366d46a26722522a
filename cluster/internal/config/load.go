package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxBytes is far more than a configuration needs, and little for a small device.
const maxBytes = 1 << 20

// Problem is one thing that is wrong, and where.
type Problem struct {
	Line, Column int
	Field        string // as in spec.network.podCIDR; empty for the document
	Text         string
}

// Problems are all that is wrong with a file.
type Problems struct {
	File string
	List []Problem
}

func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List))
	for _, problem := range p.List {
		line := fmt.Sprintf("%s:%d:%d: ", p.File, problem.Line, problem.Column)
		if problem.Field != "" {
			line += problem.Field + ": "
		}
		lines = append(lines, line+problem.Text)
	}
	return strings.Join(lines, "\n")
}

// Load reads a file; "-" is standard input, as everywhere. What the file does
// not say is as in Default.
func Load(file string) (ClusterConfig, error) {
	content, err := read(file)
	if err != nil {
		return ClusterConfig{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(file, content)
}

func read(file string) ([]byte, error) {
	if file == "-" {
		return readAll(os.Stdin)
	}
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return readAll(opened)
}

func readAll(from io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err == nil && len(content) > maxBytes {
		err = fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	return content, err
}

// Parse is Load for content that is there; file is what errors call it. Its
// errors are of type Problems, in the order of the file.
func Parse(file string, content []byte) (ClusterConfig, error) {
	config := Default()
	d := decoder{places: make(map[string]*yaml.Node)}
	if root := d.document(content); root != nil {
		d.value(root, settableOf(&config), "", tags{})
	}
	if len(d.problems) == 0 {
		d.judge(config)
	}
	if len(d.problems) == 0 {
		return config, nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return ClusterConfig{}, &Problems{File: file, List: d.problems}
}

// document is the only document's root; nil when there is a problem.
func (d *decoder) document(content []byte) *yaml.Node {
	reader := yaml.NewDecoder(strings.NewReader(string(content)))
	var first, second yaml.Node
	err := reader.Decode(&first)
	if errors.Is(err, io.EOF) || err == nil && first.Content[0].ShortTag() == nullTag {
		d.problems = append(d.problems, Problem{Line: 1, Column: 1, Text: "there is no document; 'kedge config create' prints one"})
		return nil
	}
	if err == nil {
		if err = reader.Decode(&second); err == nil {
			d.problem(&second, "", "a second document begins; there can be one")
			return nil
		}
	}
	if errors.Is(err, io.EOF) {
		return first.Content[0]
	}
	d.problems = append(d.problems, syntaxProblem(err))
	return nil
}

// syntaxProblem takes the line out of the library's message, which has no column.
func syntaxProblem(err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	problem := Problem{Line: 1, Column: 1, Text: text}
	if found := regexp.MustCompile(`^line (\d+): (.*)`).FindStringSubmatch(text); found != nil {
		if line, err := strconv.Atoi(found[1]); err == nil {
			problem.Line, problem.Text = line, found[2]
		}
	}
	return problem
}
