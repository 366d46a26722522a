package worker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"kedge/internal/nodecert"
	"kedge/internal/role"
)

// enrol asks for the node's certificate with the right to join. What would be
// wrong for ever is told at once.
func (w *Worker) enrol(ctx context.Context, right Right, tell func(error)) error {
	if credential := right.Credential; credential != nil && credential.Node != w.name {
		return fmt.Errorf("the credential is of the node %q, and this machine is to be %q: name it with --node-name", credential.Node, w.name)
	}
	if right.IsOfFleet {
		server, err := w.enrolAsDevice(ctx, right, tell)
		if err == nil {
			err = w.writeIdentity(server, right.CA)
		}
		return err
	}
	server, err := w.reach(ctx, right, tell)
	if err == nil {
		err = w.writeIdentity(server, right.CA)
	}
	if err != nil {
		return err
	}
	config := right.config(server, w.options.Version)
	role.LogOf(w.Log, join).Info("asking for the node's certificate", "server", server, "node", w.name)
	if right.Credential != nil {
		return w.enrolWith(ctx, *right.Credential, config, tell)
	}
	return w.bootstrap(ctx, config, tell)
}

// bootstrap asks with a join token.
func (w *Worker) bootstrap(ctx context.Context, config *rest.Config, tell func(error)) error {
	if err := nodecert.Discard(time.Now(), w.Layout.NodeCertificate(nodecert.Client)); err != nil {
		return err
	}
	keeper, err := nodecert.New(nodecert.Request{
		Name: nodecert.Client, Node: w.name, Dir: w.Layout.Worker(),
		Config: func(*tls.Certificate) (*rest.Config, error) { return config, nil },
	})
	if err != nil {
		return err
	}
	keeper.Start()
	defer keeper.Stop()
	return w.insist(ctx, tell, func(context.Context) error {
		if keeper.Current() == nil {
			return errOpen
		}
		return nil
	})
}

// insist tries until it succeeds, ctx ends, or what is wrong will not go away.
func (w *Worker) insist(ctx context.Context, tell func(error), try func(context.Context) error) error {
	const patience = 10 * time.Second
	told := ""
	for {
		trying, cancel := context.WithTimeout(ctx, patience)
		err := try(trying)
		cancel()
		if err == nil {
			return nil
		}
		if final := judge(err, time.Now()); final != nil {
			return final
		}
		tell(err)
		if err.Error() != told {
			told = err.Error()
			role.LogOf(w.Log, join).Warn("not joined yet", "problem", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(again):
		}
	}
}

// judge is the error that a person has to do something about; nil when time may help.
func judge(err error, now time.Time) error {
	var twin *twinError
	var refused *refusedError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &twin), errors.As(err, &refused):
		return err
	case apierrors.IsUnauthorized(err):
		return &unknownError{}
	case errors.As(err, &unknown):
		return fmt.Errorf("whoever answers is not the API server that the join token trusts, or the authority's file: %w; take a token of that cluster, or its files", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the API server's certificate is not valid at the time that this machine's clock says (%s): is the clock right? %w", now.Format(time.RFC3339), err)
	case errors.As(err, &name):
		return fmt.Errorf("the API server's certificate is not for the name under which it was reached: %w; add it to spec.api.sans", err)
	}
	return nil
}

// unknownError is an API server that does not take what this machine has.
type unknownError struct{}

func (*unknownError) Error() string {
	return "the API server refuses this machine: its token is wrong, has expired or was invalidated, or its credential or certificate is of another cluster; " +
		"'kedge token create' on the controller prints a new token, 'builder provision' makes a new credential"
}

// isAway tells whether nobody answered.
func isAway(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)
}
