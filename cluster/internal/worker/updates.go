package worker

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kedge/internal/nodeupdate"
	"kedge/internal/role"
	"kedge/internal/upgrade"
	"kedge/internal/versions"
)

const updates = "updates"

// updates has this node do what plans want of it.
func (w *Worker) updates() *role.Task {
	return role.NewTask(updates, func(ctx context.Context) error {
		known, err := w.readIdentity()
		if err != nil {
			return err
		}
		client, err := kubernetes.NewForConfig(known.config)
		if err != nil {
			return err
		}
		controller, err := rest.HTTPClientFor(known.config)
		if err != nil {
			return err
		}
		return nodeupdate.New(nodeupdate.Options{
			Client: client, Node: w.name, Version: w.options.Version, Cannot: w.cannotUpdate(), Store: versions.Store{Dir: w.Layout.Versions()},
			Keys: w.options.UpgradeKeys, Controller: controller, Server: known.server, Log: role.LogOf(w.Log, updates),
			Machine: func(ctx context.Context) upgrade.Machine {
				server, _ := ServerVersion(ctx, w.Layout) // one that does not answer is judged as such
				return upgrade.Machine{Version: w.options.Version, Kubernetes: w.options.Kubernetes, Platform: w.options.Platform, Server: server}
			},
			// As service managers end it, which then start it again.
			Restart: func() error { return unix.Kill(os.Getpid(), unix.SIGTERM) },
		}).Run(ctx)
	})
}

// cannotUpdate is why no plan can have another version tried here; empty: it can.
func (w *Worker) cannotUpdate() string {
	switch {
	case w.options.UpgradeKeys == "":
		return "the controller runs on this machine: 'kedge upgrade' there upgrades both"
	case !role.IsService():
		return "no service manager started this kedge, so that nobody would start the new one"
	}
	return ""
}
