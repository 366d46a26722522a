//go:build !without_controller

package components

import (
	"kedge/internal/components/kine"
	"kedge/internal/components/konnectivityserver"
	"kedge/internal/components/kubeapiserver"
	"kedge/internal/components/kubecontrollermanager"
	"kedge/internal/components/kubescheduler"
	"kedge/internal/components/metricsserver"
	"kedge/internal/multicall"
)

func controller() []multicall.Program {
	return []multicall.Program{
		kubeapiserver.Program(),
		kubecontrollermanager.Program(),
		kubescheduler.Program(),
		kine.Program(),
		konnectivityserver.Program(),
		metricsserver.Program(),
	}
}
