//go:build without_etcd || without_controller

package components

import "kedge/internal/multicall"

func etcdServer() []multicall.Program {
	return multicall.Absent("etcd", "etcdutl")
}
