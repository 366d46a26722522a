package components

import (
	"kedge/internal/components/kubeapiserver"
	"kedge/internal/components/kubecontrollermanager"
	"kedge/internal/components/kubescheduler"
	"kedge/internal/multicall"
)

func controlPlane() []multicall.Program {
	return []multicall.Program{
		kubeapiserver.Program(),
		kubecontrollermanager.Program(),
		kubescheduler.Program(),
	}
}
