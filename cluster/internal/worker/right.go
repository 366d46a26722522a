package worker

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"time"

	authentication "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kedge/internal/enrolment"
	"kedge/internal/token"
)

// Right is what lets a machine join a cluster.
type Right struct {
	// Servers are where the API server is, https://HOST:PORT. One after the other is tried.
	Servers []string
	// CA is whom to believe that it is the API server, in PEM.
	CA []byte
	// Token or Credential prove the right. A machine that is a node needs neither.
	Token      string
	Credential *enrolment.Credential
	// IsOfFleet says that there is no proof, and somebody has to approve the machine.
	IsOfFleet bool
}

// ByToken is the right that a join token gives.
func ByToken(join token.Join) Right {
	return Right{Servers: []string{join.Server}, CA: join.CA, Token: join.Bootstrap.String()}
}

// suffices says that a machine that is no node can join with it.
func (r Right) suffices() bool { return r.Token != "" || r.Credential != nil || r.IsOfFleet }

// config is how a server is asked with this right.
func (r Right) config(server, version string) *rest.Config {
	config := &rest.Config{
		Host: server, UserAgent: "kedge/" + version, BearerToken: r.Token, TLSClientConfig: rest.TLSClientConfig{CAData: r.CA},
	}
	if r.Credential != nil {
		config.CertData, config.KeyData = r.Credential.Certificate, r.Credential.Key
	}
	return config
}

// introduce asks the API server who we are: it tells whether it is the one that
// is trusted, and whether it takes what we have.
func introduce(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	_, err = client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, meta.CreateOptions{})
	return err
}

// reach finds a server that takes the right, and tries until there is one.
func (w *Worker) reach(ctx context.Context, right Right, tell func(error)) (string, error) {
	var found string
	err := w.insist(ctx, tell, func(ctx context.Context) error {
		var problems []error
		for i, server := range right.Servers {
			trying, cancel := context.WithTimeout(ctx, share(ctx, len(right.Servers)-i))
			err := introduce(trying, right.config(server, w.options.Version))
			cancel()
			if err == nil {
				found = server
				return nil
			}
			problems = append(problems, err)
		}
		return errors.Join(problems...)
	})
	return found, err
}

// share is the part of the time that is left for the first of so many.
func share(ctx context.Context, among int) time.Duration {
	deadline, _ := ctx.Deadline()
	return time.Until(deadline) / time.Duration(among)
}

// patienceWithOne is how long a node waits for one of several servers to answer.
const patienceWithOne = 3 * time.Second

// followed is the server that a node goes on with: the first that answers,
// beginning with the one that it knows. When none does, it stays with that.
func (w *Worker) followed(ctx context.Context, right Right) string {
	servers := slices.Clone(right.Servers)
	known, err := w.readIdentity()
	if err == nil {
		if at := slices.Index(servers, known.config.Host); at > 0 {
			servers = slices.Insert(slices.Delete(servers, at, at+1), 0, known.config.Host)
		}
	}
	if len(servers) == 1 {
		return servers[0]
	}
	for _, server := range servers {
		config := rest.Config{Host: server, TLSClientConfig: rest.TLSClientConfig{CAData: right.CA}}
		trying, cancel := context.WithTimeout(ctx, patienceWithOne)
		err := introduce(trying, &config)
		cancel()
		if err == nil || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
			return server
		}
	}
	return servers[0]
}

// CheckServer refuses what is no address of an API server.
func CheckServer(server string) error {
	address, err := url.Parse(server)
	if err != nil || address.Scheme != "https" || address.Hostname() == "" || address.Port() == "" || address.Path != "" {
		return errors.New("it takes HOST or HOST:PORT; an IPv6 address with a port stands in brackets")
	}
	return nil
}

// CheckAuthority refuses what has no certificate of an authority.
func CheckAuthority(content []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return errors.New("it has no certificate in PEM")
	}
	return nil
}
