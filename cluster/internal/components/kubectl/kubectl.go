// Package kubectl carries kubectl.
package kubectl

import (
	"cmp"
	"os"

	"golang.org/x/sys/unix"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // credentials that a kubeconfig may name
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"kedge/internal/layout"
	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kubectl.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kubectl",
		Summary: "Command line of the cluster's users",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			useAdmin()
			return kubernetes.Checked(argv, func() int { return run(argv) })
		},
	}
}

// useAdmin makes kubectl the administrator's where this machine runs the control
// plane and the user may read that, unless the user chose a cluster.
func useAdmin() {
	const variable = "KUBECONFIG"
	file := layout.Layout{DataDir: cmp.Or(os.Getenv(layout.DataDirVariable), layout.DefaultDataDir)}.AdminKubeconfig()
	if os.Getenv(variable) != "" || unix.Access(file, unix.R_OK) != nil {
		return
	}
	_ = os.Setenv(variable, file) // kubectl then says that it knows no cluster
}

func run(argv []string) int {
	// Making the commands already looks for plugins and reads a kuberc file:
	// what that logs depends on a flag that is only parsed afterwards.
	if _, err := logs.GlogSetter(cmd.GetLogVerbosity(argv)); err != nil {
		util.CheckErr(err)
	}
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // ends the process with the code that scripts expect
	}
	return 0
}
