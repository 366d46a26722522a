package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"k8s.io/client-go/rest"

	"kedge/internal/argv"
	"kedge/internal/kubeconfig"
	"kedge/internal/layout"
	"kedge/internal/nodecert"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// again is the pause between two attempts to reach the controller.
const again = 2 * time.Second

// joining makes this machine a node of its cluster, and learns what the cluster is.
func (w *Worker) joining() *role.Step {
	var step *role.Step
	step = role.NewStep(join, func(ctx context.Context) error {
		identity, err := w.identity(ctx, step.Tell)
		if err != nil {
			return err
		}
		cluster, err := w.learn(ctx, identity, step.Tell)
		var unknown *unknownError
		if errors.As(err, &unknown) {
			if identity, err = w.readmitted(ctx, err, step.Tell); err == nil {
				cluster, err = w.learn(ctx, identity, step.Tell)
			}
		}
		if err != nil {
			return err
		}
		if err := checkCgroups(cluster.Kubelet); err != nil {
			return err
		}
		pause, err := w.pause(ctx, cluster)
		if err != nil {
			return err
		}
		labels, err := w.labels()
		if err != nil {
			return err
		}
		resolvConf := findResolvConf()
		n := argv.Node{
			Name: w.name, Server: identity.server, Direct: identity.server.Host == loopback(argv.RelayPort), Cluster: cluster, Pause: pause,
			ContainerRuntime: w.options.CRISocket, Systemd: w.systemd, Confined: isConfined(), ResolvConf: resolvConf, NameServers: readNameServers(resolvConf),
			Labels: labels, Taints: w.options.Taints, Ports: argv.DefaultNodePorts(),
		}
		if n.Address, err = ownAddress(n); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.node = n
		return nil
	})
	return step
}

// identity is who this node is, and whom it trusts.
type identity struct {
	server *url.URL
	// config is how the API server is asked as the node.
	config *rest.Config
}

// identity is what the machine has from before, or what it gets with its token.
// Whether a certificate is still good, or already, the controller says: without
// one the node goes on with what it knows.
func (w *Worker) identity(ctx context.Context, tell func(error)) (identity, error) {
	if err := w.adopt(); err != nil {
		return identity{}, err
	}
	is, err := nodecert.Load(w.Layout.NodeCertificate(nodecert.Client))
	isNode := err == nil
	if isNode {
		err = nodecert.CheckName(is, w.name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return identity{}, err
	}
	right, err := w.right(ctx, isNode)
	if err != nil {
		return identity{}, err
	}
	if !isNode {
		return w.joined(ctx, right, tell)
	}
	if len(right.Servers) > 0 {
		if err := w.writeIdentity(w.followed(ctx, right), right.CA); err != nil {
			return identity{}, err
		}
	}
	return w.readIdentity()
}

// joined is who the machine is once the controller has let it in.
func (w *Worker) joined(ctx context.Context, right Right, tell func(error)) (identity, error) {
	if err := w.enrol(ctx, right, tell); err != nil {
		return identity{}, err
	}
	return w.readIdentity()
}

// adopt takes over the certificate that was made beforehand, once: the node
// renews it, and then has a better one.
func (w *Worker) adopt() error {
	if w.options.Kubeconfig == "" {
		return nil
	}
	if _, err := nodecert.Load(w.Layout.NodeCertificate(nodecert.Client)); err == nil {
		return nil
	}
	content, err := os.ReadFile(w.options.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the node's kubeconfig: %w", err)
	}
	given, err := kubeconfig.Parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w", w.options.Kubeconfig, err)
	}
	for file, inside := range map[string]*[]byte{given.CAFile: &given.CA, given.CertificateFile: &given.Certificate, given.KeyFile: &given.Key} {
		if file == "" {
			continue
		}
		if *inside, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("%s names a file that cannot be read: %w", w.options.Kubeconfig, err)
		}
	}
	if _, err := tls.X509KeyPair(given.Certificate, given.Key); err != nil {
		return fmt.Errorf("%s has no certificate of a node: %w", w.options.Kubeconfig, err)
	}
	if err := nodecert.Keep(w.Layout.Worker(), given.Certificate, given.Key); err != nil {
		return err
	}
	return w.writeIdentity(given.Server, given.CA)
}

// right is where the API server is, whom to believe that it is the one, and what
// proves that the machine may join. A node needs no proof, but follows the
// servers that are named.
func (w *Worker) right(ctx context.Context, isNode bool) (Right, error) {
	if w.options.Join == nil {
		if isNode {
			return Right{}, nil
		}
		return Right{}, errNoRight
	}
	right, err := w.options.Join(ctx, isNode)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isNode:
		return Right{}, nil // tokens are removed when they have served
	case err != nil:
		return Right{}, err
	case !isNode && !right.suffices():
		return Right{}, errNoRight
	}
	return right, nil
}

var errNoRight = errors.New("this machine is no node yet: give it a join token with --token-file ('kedge token create' on the controller prints one), " +
	"or a credential with --credential-file ('builder provision' makes one)")

func (w *Worker) writeIdentity(server string, ca []byte) error {
	certificate := w.Layout.NodeCertificate(nodecert.Client)
	content, err := kubeconfig.Config{
		Server: server, User: nodecert.UserPrefix + w.name, CAFile: w.Layout.NodeCA(), CertificateFile: certificate, KeyFile: certificate,
	}.Encode()
	if err != nil {
		return err
	}
	return errors.Join(wholefile.Write(w.Layout.NodeCA(), ca, 0o600), wholefile.Write(w.Layout.NodeKubeconfig(), content, 0o600))
}

func (w *Worker) readIdentity() (identity, error) { return readIdentity(w.Layout, w.options.Version) }

func readIdentity(places layout.Layout, version string) (identity, error) {
	content, err := os.ReadFile(places.NodeKubeconfig())
	if err != nil {
		return identity{}, fmt.Errorf("read how this node reaches its controller: %w; give the worker its token or credential again", err)
	}
	known, err := kubeconfig.Parse(content)
	if err != nil {
		return identity{}, fmt.Errorf("%s: %w; give the worker its token or credential again", places.NodeKubeconfig(), err)
	}
	server, err := url.Parse(known.Server)
	if err != nil {
		return identity{}, fmt.Errorf("%s: %w", places.NodeKubeconfig(), err)
	}
	return identity{server: server, config: &rest.Config{
		Host: known.Server, UserAgent: "kedge/" + version,
		TLSClientConfig: rest.TLSClientConfig{CAFile: known.CAFile, CertFile: known.CertificateFile, KeyFile: known.KeyFile},
	}}, nil
}
