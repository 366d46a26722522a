// Package components is the list of everything that this executable carries.
// Each group stands in a file of its own, so that a variant of the executable
// leaves a group out with a build tag on that file and an empty twin.
package components

import "kedge/internal/multicall"

// Table lists all components, the control plane first.
func Table() (multicall.Table, error) {
	return multicall.NewTable(controlPlane(), storage(), node(), tunnel())
}
