// Package components is the list of everything that this executable carries.
//
// Build tags leave parts of it out, and with them all that only they import:
//
//	without_controller  the API server and what else a controller runs
//	without_etcd        etcd; a controller then has kine alone
//	without_worker      the kubelet and what else a worker runs
//	without_kubectl     kubectl
//
// A group of components stands in one file; its twin with the suffix _absent
// names what a build without it lacks.
package components

import "kedge/internal/multicall"

// Table lists all components, the control plane first.
func Table() (multicall.Table, error) {
	return multicall.NewTable(controller(), etcdServer(), worker(), commandLine())
}
