package worker

import (
	"context"
	"errors"
	"os"

	"kedge/internal/apiproxy"
	"kedge/internal/datadir"
	"kedge/internal/role"
)

// Run runs a worker until ctx ends. Its pods go on.
func Run(ctx context.Context, options Options) error {
	if err := options.Layout.CheckWorker(); err != nil {
		return err
	}
	dir, err := datadir.Open(options.Layout.Record(), datadir.Record{Kubernetes: options.Kubernetes, UID: os.Geteuid()})
	if err != nil {
		return err
	}
	defer dir.Close()
	plane := role.NewPlane(options.Layout, options.Log, nil, 0)
	w, err := Add(plane, options)
	if err != nil {
		return err
	}
	return plane.Run(ctx, role.About{
		Role: "worker", Version: options.Version, Kubernetes: options.Kubernetes, Server: w.server, Node: w.Status, RecentLog: options.RecentLog, Works: options.Works,
		Ready: func() {
			dir.Record.Started = true
			if err := dir.Save(); err != nil {
				options.Log.Error("the data directory cannot be marked as used", "error", err)
			}
		},
	})
}

// Add adds a worker's components to a plane. They begin when those that it
// needs are ready.
func Add(plane *role.Plane, options Options, needs ...string) (*Worker, error) {
	if err := checkMachine(); err != nil {
		return nil, err
	}
	w := &Worker{Plane: plane, options: options, systemd: isSystemd(), cluster: apiproxy.NewCluster(options.Layout.ClusterUID())}
	if err := w.findName(); err != nil {
		return nil, err
	}
	if err := w.directories(); err != nil {
		return nil, err
	}
	w.assemble(needs)
	return w, nil
}

// findName is what is known of the name before the controller was asked.
func (w *Worker) findName() (err error) {
	if !w.options.IsOfFleet {
		w.name, err = w.options.nodeName()
		return err
	}
	is, err := w.approved()
	w.name = is.Node
	return err
}

// directories makes those that belong to no single component.
func (w *Worker) directories() error {
	l := w.Layout
	var problems []error
	for path, mode := range map[string]os.FileMode{
		l.RunDir: 0o755, l.PIDs(): 0o755, l.NodeConfig(): 0o755, l.CNIConfig(): 0o755, l.CNIAddresses(): 0o755, l.PodAddresses(): 0o755,
		l.Worker(): 0o700, l.Images(): 0o755, l.Kubelet(): 0o700, l.Containerd(): 0o711,
	} {
		problems = append(problems, w.Accounts.Directory(path, "", mode))
	}
	return errors.Join(problems...)
}
