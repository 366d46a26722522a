package manifests

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Stack is what is applied and pruned as one.
type Stack struct {
	Name    string
	Objects []*unstructured.Unstructured // as the files have them
	// Problem is why not all of it can be read. What cannot be read may be
	// anything, so nothing of such a stack is pruned.
	Problem error
	digest  [sha256.Size]byte // over the files
}

var extensions = []string{".yaml", ".yml", ".json"}

// Read reads the manifests in a directory, and in none below it.
func Read(name string, files fs.FS) Stack {
	stack := Stack{Name: name}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		stack.Problem = fmt.Errorf("read stack %s: %w", name, err)
		return stack
	}
	hash := sha256.New()
	var problems []error
	for _, entry := range entries {
		// Editors and copying programs write under names of other forms first.
		if strings.HasPrefix(entry.Name(), ".") || !slices.Contains(extensions, path.Ext(entry.Name())) {
			continue
		}
		content, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		fmt.Fprintf(hash, "%q %d\n%s", entry.Name(), len(content), content)
		objects, err := parse(content)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s/%s: %w", name, entry.Name(), err))
		}
		stack.Objects = append(stack.Objects, objects...)
	}
	problems = append(problems, findTwins(name, stack.Objects))
	stack.Problem = errors.Join(problems...)
	hash.Sum(stack.digest[:0])
	return stack
}

// parse reads the documents of a file: those that are good, and what is wrong
// with the others.
func parse(content []byte) ([]*unstructured.Unstructured, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("the file is empty: remove it, if nothing shall be in it")
	}
	var objects []*unstructured.Unstructured
	var problems []error
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, errors.Join(problems...)
		}
		var found []*unstructured.Unstructured
		if err == nil {
			found, err = parseDocument(document)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("document %d: %w", number, err))
		}
		objects = append(objects, found...)
	}
}

func parseDocument(document []byte) ([]*unstructured.Unstructured, error) {
	encoded, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	if string(encoded) == "null" { // nothing but comments
		return nil, nil
	}
	decoded, _, err := unstructured.UnstructuredJSONScheme.Decode(encoded, nil, nil)
	if err != nil {
		return nil, err
	}
	if list, isList := decoded.(*unstructured.UnstructuredList); isList {
		return parseList(list)
	}
	object, ok := decoded.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("it is a %T, which no manifest is", decoded)
	}
	return []*unstructured.Unstructured{object}, check(object)
}

func parseList(list *unstructured.UnstructuredList) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	err := list.EachListItem(func(item runtime.Object) error {
		object, ok := item.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("an item of its list is a %T", item)
		}
		objects = append(objects, object)
		return check(object)
	})
	return objects, err
}

func check(object *unstructured.Unstructured) error {
	switch {
	case object.GetAPIVersion() == "":
		return errors.New("it has no apiVersion")
	case object.GetName() == "":
		return fmt.Errorf("%s has no metadata.name", object.GetKind())
	}
	return nil
}

func findTwins(stack string, objects []*unstructured.Unstructured) error {
	seen := make(map[Reference]bool)
	for _, object := range objects {
		if reference := refer(object); seen[reference] {
			return fmt.Errorf("stack %s has %s twice", stack, reference)
		} else {
			seen[reference] = true
		}
	}
	return nil
}
