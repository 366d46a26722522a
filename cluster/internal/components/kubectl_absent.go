//go:build without_kubectl

package components

import "kedge/internal/multicall"

func commandLine() []multicall.Program {
	return multicall.Absent("kubectl")
}
