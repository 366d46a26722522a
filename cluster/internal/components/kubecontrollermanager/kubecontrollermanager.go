// Package kubecontrollermanager carries kube-controller-manager.
package kubecontrollermanager

import (
	_ "time/tzdata" // time zones of CronJobs: a device may have no zoneinfo

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kube-controller-manager.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kube-controller-manager",
		Summary: "Kubernetes controllers: nodes, workloads, certificates, service accounts",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			return kubernetes.Main(argv, app.NewControllerManagerCommand)
		},
	}
}
