//go:build !without_kubectl

package components

import (
	"kedge/internal/components/kubectl"
	"kedge/internal/multicall"
)

func commandLine() []multicall.Program {
	return []multicall.Program{kubectl.Program()}
}
