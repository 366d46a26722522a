//go:build without_worker

package components

import "kedge/internal/multicall"

func worker() []multicall.Program {
	return multicall.Absent(
		"kubelet",
		"kube-proxy",
		"containerd",
		"ctr",
		"flanneld",
		"network-policy",
		"node-network",
		"coredns",
		"konnectivity-agent",
	)
}
