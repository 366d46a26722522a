package airgap

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is something that is wrong with a bundle.
type Problem struct {
	Bundle  string
	Subject string // an image's reference, or what else it is about
	What    string
}

// Problems is everything that is wrong. Nothing was imported.
type Problems []Problem

// Error tells each problem in a line.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, one := range p {
		lines = append(lines, fmt.Sprintf("  %s: %s: %s", one.Bundle, one.Subject, one.What))
	}
	slices.Sort(lines)
	return "nothing was imported, since not everything is in order:\n" + strings.Join(slices.Compact(lines), "\n") +
		"\ncopy the bundle again, or make it again ('builder airgap verify' proves one where it is made)"
}
