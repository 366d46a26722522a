package version

import (
	"fmt"
	"strings"
)

// Stamp is how a version that the linker was told relates to the module that
// it linked.
type Stamp int

const (
	// StampAbsent means that the linker was told nothing: upstream's placeholder is still there.
	StampAbsent Stamp = iota
	// StampTrue means that the stamp names the linked module.
	StampTrue
)

// CheckStamp compares the version that upstream's code reports with the
// version of the module that was linked. It fails when the stamp names another
// version: such an executable would tell its users, and every API client, a lie.
// What follows a plus sign (a vendor's or a patch's mark) is free.
func CheckStamp(reported string, module Module) (Stamp, error) {
	if isPlaceholder(reported) {
		return StampAbsent, nil
	}
	if withoutMetadata(reported) != withoutMetadata(module.Version) {
		return StampAbsent, fmt.Errorf("the executable was stamped %s, but %s %s is linked into it", reported, module.Path, module.Version)
	}
	return StampTrue, nil
}

// isPlaceholder knows what Kubernetes reports when the linker was told nothing.
func isPlaceholder(reported string) bool {
	return reported == "" || strings.HasPrefix(reported, "v0.0.0-master")
}

func withoutMetadata(version string) string {
	plain, _, _ := strings.Cut(version, "+")
	return plain
}
