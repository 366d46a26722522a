package controller

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"

	"kedge/internal/argv"
	"kedge/internal/clock"
	"kedge/internal/datadir"
	"kedge/internal/role"
	"kedge/internal/token"
)

const (
	// patience is long: an emulated or very small machine needs minutes.
	patience = 10 * time.Minute
	// certificatePeriod lies between two looks at the certificates.
	certificatePeriod = 30 * time.Minute
)

// Users are the accounts that components run as, where kedge runs as root. The
// API server's user also runs kine, whose socket only its own user may open,
// and the controller manager, which signs with the same keys.
func Users() []string {
	return []string{argv.KubeAPIServer, argv.KubeScheduler, argv.KonnectivityServer, argv.MetricsServer, argv.Etcd}
}

// Run runs a control plane until ctx ends.
func Run(ctx context.Context, options Options) error {
	p, err := prepare(options)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	return p.Run(ctx, role.About{
		Role: options.Role, Version: options.Version, Kubernetes: options.Kubernetes, Server: p.publicServer,
		Pending: p.pending, RecentLog: options.RecentLog, Ready: p.ready, Works: options.Works, Background: []func(context.Context) error{p.renewCertificates},
	})
}

// prepare makes all that stands before the first process starts.
func prepare(options Options) (*plane, error) {
	if err := options.Layout.Check(); err != nil {
		return nil, err
	}
	cluster, err := options.cluster()
	if err != nil {
		return nil, err
	}
	dir, err := datadir.Open(options.Layout.Record(), datadir.Record{
		Kubernetes: options.Kubernetes, UID: os.Geteuid(), Storage: string(cluster.Storage),
	})
	if err != nil {
		return nil, err
	}
	p := &plane{options: options, cluster: cluster, dir: dir}
	for _, step := range []func() error{p.found, dir.Save, p.directories, p.certificates, p.assemble, p.addNode} {
		if err := step(); err != nil {
			_ = dir.Close()
			return nil, err
		}
	}
	return p, nil
}

// found makes the plane that holds the components.
func (p *plane) found() error {
	accounts, err := role.FindAccounts(p.options.Log, Users())
	if err != nil {
		return err
	}
	wait := patience
	if p.options.Node != nil {
		wait = 0 // a node may wait for images, or for a network
	}
	p.Plane = role.NewPlane(p.options.Layout, p.options.Log, accounts, wait)
	return nil
}

// addNode makes this machine a worker, too. It joins like any other.
func (p *plane) addNode() error {
	if p.options.Node == nil {
		return nil
	}
	return p.options.Node(p.Plane, p.ownJoin, stacks, csrApprover)
}

// joinTime is more than this machine needs until it has used its token.
const joinTime = 10 * time.Minute

// ownJoin makes a join token for this machine.
func (p *plane) ownJoin(ctx context.Context) (token.Join, error) {
	authority, err := os.ReadFile(p.Layout.Certificate("ca"))
	if err != nil {
		return token.Join{}, fmt.Errorf("read the API server's authority: %w", err)
	}
	client, err := kubernetes.NewForConfig(p.adminConfig())
	if err != nil {
		return token.Join{}, fmt.Errorf("make a client of the API server: %w", err)
	}
	secret, err := token.New(rand.Reader)
	if err == nil {
		err = token.Tokens{Secrets: client.CoreV1().Secrets(token.Namespace)}.Create(ctx, secret, time.Now().Add(joinTime))
	}
	return token.Join{Server: p.server(), CA: authority, Bootstrap: secret}, err
}

// ready is called once, when everything serves.
func (p *plane) ready() {
	p.dir.Record.Started = true
	if err := p.dir.Save(); err != nil {
		p.Log.Error("the data directory cannot be marked as used", "error", err)
	}
}

func (p *plane) renewCertificates(ctx context.Context) error {
	ticker := time.NewTicker(certificatePeriod)
	defer ticker.Stop()
	jumps, err := clock.Jumps(ctx)
	if err != nil {
		p.Log.Warn("when the clock is set, certificates are looked at with delay", "delay", certificatePeriod, "error", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-jumps:
			p.Log.Info("this machine's clock was set", "now", time.Now())
		}
		if err := p.certificates(); err != nil {
			p.Log.Error("certificates cannot be signed anew", "error", err)
		}
	}
}
