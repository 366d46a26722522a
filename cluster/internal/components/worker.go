//go:build !without_worker

package components

import (
	"kedge/internal/components/containerd"
	"kedge/internal/components/coredns"
	"kedge/internal/components/ctr"
	"kedge/internal/components/flannel"
	"kedge/internal/components/konnectivityagent"
	"kedge/internal/components/kubelet"
	"kedge/internal/components/kubeproxy"
	"kedge/internal/components/networkpolicy"
	"kedge/internal/multicall"
)

func worker() []multicall.Program {
	return []multicall.Program{
		kubelet.Program(),
		kubeproxy.Program(),
		containerd.Program(),
		ctr.Program(),
		flannel.Program(),
		networkpolicy.Program(),
		coredns.Program(),
		konnectivityagent.Program(),
	}
}
