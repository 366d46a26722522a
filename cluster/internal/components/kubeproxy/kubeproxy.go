// Package kubeproxy carries kube-proxy.
package kubeproxy

import (
	"k8s.io/kubernetes/cmd/kube-proxy/app"

	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kube-proxy.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kube-proxy",
		Summary: "Kubernetes service proxy of a node",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			return kubernetes.Main(argv, app.NewProxyCommand)
		},
	}
}
