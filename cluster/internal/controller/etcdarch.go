package controller

import "runtime"

// unsupportedArch makes etcd start where upstream runs no tests.
func unsupportedArch() []string {
	switch runtime.GOARCH {
	case "amd64", "arm64":
		return nil
	}
	return []string{"ETCD_UNSUPPORTED_ARCH=" + runtime.GOARCH}
}
