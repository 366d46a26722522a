//go:build without_controller

package components

import "kedge/internal/multicall"

func controller() []multicall.Program {
	return multicall.Absent(
		"kube-apiserver",
		"kube-controller-manager",
		"kube-scheduler",
		"kine",
		"konnectivity-server",
		"metrics-server",
	)
}
