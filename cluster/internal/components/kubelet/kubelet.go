// Package kubelet carries kubelet.
package kubelet

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/kubernetes/cmd/kubelet/app"

	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kubelet.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kubelet",
		Summary: "Kubernetes node agent: runs the node's pods",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			return kubernetes.Main(argv, func() *cobra.Command {
				return app.NewKubeletCommand(context.Background())
			})
		},
	}
}
