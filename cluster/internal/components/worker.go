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
	"kedge/internal/components/nodenetwork"
	"kedge/internal/multicall"
)

func worker() []multicall.Program {
	network := []multicall.Program{
		kubeproxy.Program(),
		flannel.Program(),
		networkpolicy.Program(),
		coredns.Program(),
		konnectivityagent.Program(),
	}
	return append([]multicall.Program{
		kubelet.Program(),
		containerd.Program(),
		ctr.Program(),
		nodenetwork.Program(network...),
	}, network...)
}
