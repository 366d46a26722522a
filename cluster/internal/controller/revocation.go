package controller

import (
	"context"
	"errors"
	"strings"

	"kedge/internal/apiconfig"
	"kedge/internal/argv"
	"kedge/internal/kubeconfig"
	"kedge/internal/revoker"
	"kedge/internal/role"
	"kedge/internal/wholefile"
)

// revoking refuses nodes whose credentials were taken back. The server keeps
// watches of theirs, and is started anew.
func (p *plane) revoking(server *role.Process) (*revoker.Revoker, *role.Task, error) {
	client, err := p.client()
	if err != nil {
		return nil, nil, err
	}
	refused, err := revoker.AtStart(p.options.Layout.Revoked())
	if err != nil {
		return nil, nil, err
	}
	refusal, err := listenRefusal(p.options.Layout.Pair("server"))
	if err == nil {
		err = p.writeRefused(refused, refusal.url())
	}
	if err != nil {
		return nil, nil, err
	}
	log := role.LogOf(p.Log, nodeRevoker)
	made := revoker.New(revoker.Revoker{
		Client: client, File: p.options.Layout.Revoked(), Log: log,
		Refuse: func(ctx context.Context, nodes, added []string) error {
			if err := p.writeRefused(nodes, refusal.url()); err != nil || len(added) == 0 {
				return err
			}
			log.Warn("the API server is started anew, which ends the watches of nodes that were revoked", "nodes", added)
			return server.Restart(ctx)
		},
	}, refused)
	return made, role.NewTask(nodeRevoker, func(ctx context.Context) error {
		stop := refusal.serve()
		defer stop()
		return made.Run(ctx)
	}), nil
}

// writeRefused writes which nodes are refused, for the API server and the tunnel.
func (p *plane) writeRefused(nodes []string, refusal string) error {
	l := p.options.Layout
	refusing, err := kubeconfig.Config{Server: refusal, User: argv.KubeAPIServer, CAFile: l.Certificate("ca")}.Encode()
	if err != nil {
		return err
	}
	authorization, err := apiconfig.Authorization(nodes, l.Refusal())
	if err != nil {
		return err
	}
	return errors.Join(
		wholefile.Write(l.Refusal(), refusing, 0o644),
		wholefile.Write(l.Authorization(), authorization, 0o644),
		wholefile.Write(l.RefusedNodes(), []byte(strings.Join(nodes, "\n")+"\n"), 0o644),
	)
}
