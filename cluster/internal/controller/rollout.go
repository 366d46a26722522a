package controller

import (
	"fmt"

	"k8s.io/client-go/dynamic"

	"kedge/internal/artifacts"
	"kedge/internal/plan"
	"kedge/internal/role"
	"kedge/internal/rollout"
)

// Names of what updates a fleet.
const (
	planner   = "plans"
	artifactd = "artifacts"
)

// plans does what plans of updates say.
func (p *plane) plans() (*role.Task, error) {
	client, err := p.client()
	if err != nil {
		return nil, err
	}
	plans, err := dynamic.NewForConfig(p.adminConfig())
	if err != nil {
		return nil, fmt.Errorf("make a client of the API server: %w", err)
	}
	return role.NewTask(planner, rollout.Rollout{Client: client, Plans: plans, Log: role.LogOf(p.Log, planner)}.Run), nil
}

// artifacts serves what nodes are to run, where there is a directory of it.
func (p *plane) artifacts() (*role.Task, error) {
	l := p.options.Layout
	server := l.Pair("server")
	return role.NewTask(artifactd, artifacts.Server{
		Dir: l.Artifacts(), Address: anywhere(plan.ArtifactsPort), Certificate: server.Certificate, Key: server.Key,
		Clients: l.Accepted("client-ca"), Refused: l.RefusedNodes(), Log: role.LogOf(p.Log, artifactd),
	}.Run), nil
}
