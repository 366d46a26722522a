// Package kubeapiserver carries kube-apiserver.
package kubeapiserver

import (
	_ "time/tzdata" // time zones of CronJobs: a device may have no zoneinfo

	"k8s.io/kubernetes/cmd/kube-apiserver/app"

	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kube-apiserver.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kube-apiserver",
		Summary: "Kubernetes API server",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			return kubernetes.Main(argv, app.NewAPIServerCommand)
		},
	}
}
