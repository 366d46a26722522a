package components

import (
	"kedge/internal/components/konnectivityagent"
	"kedge/internal/components/konnectivityserver"
	"kedge/internal/multicall"
)

func tunnel() []multicall.Program {
	return []multicall.Program{
		konnectivityserver.Program(),
		konnectivityagent.Program(),
	}
}
