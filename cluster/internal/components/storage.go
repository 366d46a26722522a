package components

import (
	"kedge/internal/components/etcd"
	"kedge/internal/components/kine"
	"kedge/internal/multicall"
)

func storage() []multicall.Program {
	return []multicall.Program{
		kine.Program(),
		etcd.Program(),
	}
}
