package airgap

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// partForm is the name of a part: that of the bundle, and a number.
var partForm = regexp.MustCompile(`^(.+\.tar)\.([0-9]{2})$`)

// OpenAll opens bundles. The parts of one are named one by one, or by the first
// alone; the others lie beside it.
func OpenAll(paths []string) ([]*Bundle, error) {
	var bundles []*Bundle
	var opened []string
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			return nil, errors.Join(err, CloseAll(bundles))
		}
		if slices.Contains(opened, files[0]) {
			continue
		}
		opened = append(opened, files[0])
		bundle, err := Open(files...)
		if err != nil {
			return nil, errors.Join(err, CloseAll(bundles))
		}
		if match := partForm.FindStringSubmatch(path); match != nil {
			bundle.Name = match[1]
		}
		bundles = append(bundles, bundle)
	}
	return bundles, nil
}

// CloseAll closes bundles.
func CloseAll(bundles []*Bundle) error {
	var all []error
	for _, bundle := range bundles {
		all = append(all, bundle.Close())
	}
	return errors.Join(all...)
}

// filesOf is the files of a bundle, in order, of which path is one.
func filesOf(path string) ([]string, error) {
	match := partForm.FindStringSubmatch(path)
	if match == nil {
		return []string{path}, nil
	}
	beside, err := filepath.Glob(escape(match[1]) + ".[0-9][0-9]")
	if err != nil {
		return nil, err
	}
	slices.Sort(beside)
	for number, found := range beside {
		if expected := fmt.Sprintf("%s.%02d", match[1], number); found != expected {
			return nil, fmt.Errorf("%s is missing; all parts of a bundle have to lie in one directory", expected)
		}
	}
	if len(beside) == 0 {
		return nil, fmt.Errorf("open the bundle: there is no %s", path)
	}
	return beside, nil
}

// escape makes a pattern of a path that means itself.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
