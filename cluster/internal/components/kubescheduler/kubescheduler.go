// Package kubescheduler carries kube-scheduler.
package kubescheduler

import (
	"github.com/spf13/cobra"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"

	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kube-scheduler.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kube-scheduler",
		Summary: "Kubernetes scheduler: gives each pod its node",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			return kubernetes.Main(argv, func() *cobra.Command { return app.NewSchedulerCommand() })
		},
	}
}
