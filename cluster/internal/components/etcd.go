//go:build !without_etcd && !without_controller

package components

import (
	"kedge/internal/components/etcd"
	"kedge/internal/components/etcdutl"
	"kedge/internal/multicall"
)

func etcdServer() []multicall.Program {
	return []multicall.Program{etcd.Program(), etcdutl.Program()}
}
