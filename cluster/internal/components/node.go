package components

import (
	"kedge/internal/components/containerd"
	"kedge/internal/components/kubelet"
	"kedge/internal/components/kubeproxy"
	"kedge/internal/multicall"
)

func node() []multicall.Program {
	return []multicall.Program{
		kubelet.Program(),
		kubeproxy.Program(),
		containerd.Program(),
	}
}
