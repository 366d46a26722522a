package worker

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"kedge/internal/nodecert"
	"kedge/internal/role"
)

// certificates keeps the node's certificates for as long as kedge runs. It is
// ready when there are those with which the kubelet serves and the tunnel is opened.
func (w *Worker) certificates() *role.Task {
	made := role.NewTask(certificates, func(ctx context.Context) error {
		for ctx.Err() == nil {
			if err := w.keep(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	made.IsReady = func() error {
		for _, name := range w.wantedCertificates() {
			is, err := nodecert.Load(w.Layout.NodeCertificate(name))
			if err != nil {
				return fmt.Errorf("the controller has not signed the certificate %q yet", name)
			}
			// One that has expired is better than none: pods are started all the same.
			if time.Now().After(is.NotAfter) {
				role.LogOf(w.Log, certificates).Warn("a certificate has expired, and is renewed when the controller answers", "name", name, "expired", is.NotAfter)
			}
		}
		return nil
	}
	return made
}

// keep renews the node's certificates before they expire, until ctx ends or the
// node was let in again: then all begin anew.
func (w *Worker) keep(ctx context.Context) error {
	known, err := w.readIdentity()
	if err != nil {
		return err
	}
	for _, name := range w.wantedCertificates() {
		keeper, err := nodecert.New(nodecert.Request{
			Name: name, Node: w.name, Dir: w.Layout.Worker(),
			Config: func(*tls.Certificate) (*rest.Config, error) { return known.config, nil },
		})
		if err != nil {
			return err
		}
		keeper.Start()
		defer keeper.Stop()
	}
	w.untilReadmitted(ctx, known)
	return nil
}

func (w *Worker) wantedCertificates() []string {
	wanted := []string{nodecert.Client, nodecert.Serving}
	if !w.current().Cluster.Tunnel.Disabled {
		wanted = append(wanted, nodecert.Tunnel)
	}
	return wanted
}
