package worker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	authentication "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kedge/internal/nodecert"
	"kedge/internal/role"
	"kedge/internal/token"
)

// enrol asks for the node's certificate with the right that the token gives.
func (w *Worker) enrol(ctx context.Context, right token.Join, tell func(error)) error {
	asBootstrap := &rest.Config{
		Host: right.Server, UserAgent: "kedge/" + w.options.Version, BearerToken: right.Bootstrap.String(), TLSClientConfig: rest.TLSClientConfig{CAData: right.CA},
	}
	// Whatever would be wrong for ever is told now: who keeps certificates only
	// tries again.
	if err := w.insist(ctx, tell, func(ctx context.Context) error { return introduce(ctx, asBootstrap) }); err != nil {
		return err
	}
	keeper, err := nodecert.New(nodecert.Request{
		Name: nodecert.Client, Node: w.name, Dir: w.Layout.Worker(),
		Config: func(*tls.Certificate) (*rest.Config, error) { return asBootstrap, nil },
	})
	if err != nil {
		return err
	}
	role.LogOf(w.Log, join).Info("asking for the node's certificate", "server", right.Server, "node", w.name)
	keeper.Start()
	defer keeper.Stop()
	return w.insist(ctx, tell, func(context.Context) error {
		if keeper.Current() == nil {
			return errors.New("the controller has not signed the node's certificate yet")
		}
		return nil
	})
}

// introduce asks the API server who we are: it tells whether it is the one that
// the token trusts, and whether it takes the token.
func introduce(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	_, err = client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, meta.CreateOptions{})
	return err
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
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &twin):
		return err
	case apierrors.IsUnauthorized(err):
		return errors.New("the API server refuses this machine: its token is wrong, has expired or was invalidated, or its certificate is of another cluster; 'kedge token create' on the controller prints a new token")
	case errors.As(err, &unknown):
		return fmt.Errorf("whoever answers is not the API server that the join token trusts: %w; take a token of that cluster", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the API server's certificate is not valid at the time that this machine's clock says (%s): is the clock right? %w", now.Format(time.RFC3339), err)
	case errors.As(err, &name):
		return fmt.Errorf("the API server's certificate is not for the name under which it was reached: %w; add it to spec.api.sans", err)
	}
	return nil
}

// isAway tells whether nobody answered.
func isAway(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)
}
