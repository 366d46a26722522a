// Package kubeproxy carries kube-proxy.
package kubeproxy

import (
	"context"
	"fmt"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-proxy/app"

	"kedge/internal/multicall"
	"kedge/internal/upstream/kubernetes"
)

// Program is kube-proxy.
func Program() multicall.Program {
	return multicall.Program{
		Name:    "kube-proxy",
		Summary: "Kubernetes service proxy of a node",
		Module:  kubernetes.Module,
		Main: func(argv []string) int {
			return kubernetes.Main(argv, app.NewProxyCommand)
		},
		Serve: serve,
	}
}

// serve runs the command that upstream's executable is. It takes no context and
// keeps what it has started: ports, metrics, informers.
func serve(ctx context.Context, argv []string) error {
	command := app.NewProxyCommand()
	command.SetArgs(argv[1:])
	ended := make(chan error, 1)
	go func() { ended <- cli.RunNoErrOutput(command) }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("was stopped: %w", multicall.ErrLeftovers)
	case err := <-ended:
		return fmt.Errorf("%w: %w", multicall.ErrLeftovers, err)
	}
}
