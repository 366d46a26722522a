package nodeconfig

import (
	"encoding/json"
	"fmt"
)

// defaults of what the file leaves out.
const (
	defaultProfile = "default"
	defaultMode    = "0644"
)

// Parse reads node.yaml strictly. What is wrong with it is told at once, as
// Problems.
func Parse(content []byte) (Config, error) {
	p := new(parser)
	root := p.parse(content)
	c, err := newChecker()
	if err != nil {
		return Config{}, err
	}
	c.problems = p.problems
	var config Config
	switch {
	case root == nil || root.kind == broken:
	case root.kind != mapping:
		c.problems = append(c.problems, Problem{Line: root.line, Column: root.column, Text: "must be a mapping: lines of 'key: value'"})
	default:
		if config, err = c.read(root); err != nil {
			return Config{}, err
		}
	}
	if len(c.problems) > 0 {
		return Config{}, c.problems.sorted()
	}
	return config, nil
}

// read is what root says, with the keys that are right by themselves.
func (c *checker) read(root *node) (Config, error) {
	values, _ := c.value(root, c.root, nil, root).(map[string]any)
	for key := range c.wrong {
		delete(values, key)
	}
	config, err := decoded(values)
	if err != nil {
		return Config{}, err
	}
	for _, required := range c.root.Required {
		if c.wrong[required] {
			return config, nil // and nothing follows from the rest
		}
	}
	wrong := c.wrong
	judge{config: config, note: func(path keyPath, text string) {
		if !wrong[path[0].(string)] {
			line, column := root.placeOf(path)
			c.problems = append(c.problems, Problem{Line: line, Column: column, Key: path.String(), Text: text})
		}
	}}.all()
	return config, nil
}

func decoded(values map[string]any) (Config, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return Config{}, fmt.Errorf("read %s: %w", FileName, err)
	}
	config := Config{Profile: defaultProfile}
	if err := json.Unmarshal(text, &config); err != nil {
		return Config{}, fmt.Errorf("read %s: %w", FileName, err)
	}
	for i := range config.Files {
		if config.Files[i].Mode == "" {
			config.Files[i].Mode = defaultMode
		}
	}
	return config, nil
}

// placeOf is where path is written, or what of it is.
func (n *node) placeOf(path keyPath) (line, column int) {
	line, column = n.line, n.column
	for _, segment := range path {
		switch s := segment.(type) {
		case string:
			one := n.get(s)
			if one == nil {
				return line, column
			}
			line, column, n = one.line, one.column, one.value
		case int:
			if s >= len(n.items) {
				return line, column
			}
			n = n.items[s]
			line, column = n.line, n.column
		}
	}
	return line, column
}
