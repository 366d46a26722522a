package controller

import (
	"crypto"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"kedge/internal/agentsigner"
	"kedge/internal/bootstrap"
	"kedge/internal/csrapprover"
	"kedge/internal/enroller"
	"kedge/internal/manifests"
	"kedge/internal/pki"
	"kedge/internal/revocation"
	"kedge/internal/role"
)

// Names of what works within kedge's own process.
const (
	csrApprover  = "csr-approver"
	agentSigner  = "agent-signer"
	nodeEnroller = "enroller"
	nodeRevoker  = "revoker"
	stacks       = "manifests"
)

// asked bounds how often kedge's own tasks ask the API server.
const (
	askedPerSecond = 20
	askedAtOnce    = 50
)

// adminConfig is how client libraries speak to the API server. They read the
// certificate again when it was signed anew.
func (p *plane) adminConfig() *rest.Config {
	admin := p.options.Layout.Pair("admin")
	return &rest.Config{
		Host: p.server(), UserAgent: "kedge/" + p.options.Version, QPS: askedPerSecond, Burst: askedAtOnce,
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: p.options.Layout.Certificate("ca"), CertFile: admin.Certificate, KeyFile: admin.Key,
		},
	}
}

func (p *plane) client() (*kubernetes.Clientset, error) {
	client, err := kubernetes.NewForConfig(p.adminConfig())
	if err != nil {
		return nil, fmt.Errorf("make a client of the API server: %w", err)
	}
	return client, nil
}

// approver approves the certificates with which kubelets serve.
func (p *plane) approver() (*role.Task, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	return role.NewTask(csrApprover, csrapprover.New(client, role.LogOf(p.Log, csrApprover)).Run), nil
}

// agentSigner signs the certificates with which nodes open the tunnel. The
// controller manager has no authority for it.
func (p *plane) agentSigner() (*role.Task, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	sign := func(node string, key crypto.PublicKey, life time.Duration) ([]byte, error) {
		return pki.SignAgent(p.options.Layout, pki.Agent{Node: node, Key: key, Life: life}, time.Now())
	}
	return role.NewTask(agentSigner, agentsigner.New(client, sign, role.LogOf(p.Log, agentSigner)).Run), nil
}

// enroller lets machines in that come with a credential. bound learns of each.
func (p *plane) enroller(bound func(node string)) (*role.Task, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	revoked := func() (revocation.List, error) { return revocation.Read(p.options.Layout.Revoked()) }
	made := enroller.New(client, revoked, role.LogOf(p.Log, nodeEnroller))
	made.Bound = bound
	return role.NewTask(nodeEnroller, made.Run), nil
}

// bootstrapped is what the manifests that kedge brings depend on.
func (p *plane) bootstrapped() (bootstrap.Cluster, error) {
	workers, err := p.workers()
	if err != nil {
		return bootstrap.Cluster{}, err
	}
	authority, err := os.ReadFile(p.options.Layout.Certificate("ca"))
	if err != nil {
		return bootstrap.Cluster{}, fmt.Errorf("read the API server's authority: %w", err)
	}
	return bootstrap.Cluster{Services: p.cluster.Services[0], Authority: authority, Disabled: p.disabledStacks(), Workers: workers}, nil
}

// manifests applies what kedge brings and what the user puts into the
// directory. It is ready when the cluster has the first.
func (p *plane) manifests() (*role.Task, error) {
	config := p.adminConfig()
	asks, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the API server: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the API server: %w", err)
	}
	cluster, err := p.bootstrapped()
	if err != nil {
		return nil, err
	}
	own, err := bootstrap.Stacks(cluster)
	if err != nil {
		return nil, fmt.Errorf("read the manifests that kedge brings: %w", err)
	}
	into := manifests.Cluster{
		Client: client, Mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asks)), Log: role.LogOf(p.Log, stacks),
	}
	watcher := manifests.NewWatcher(into, p.options.Layout.Manifests(), own)
	made := role.NewTask(stacks, watcher.Run)
	made.IsReady = watcher.Ready
	return made, nil
}
