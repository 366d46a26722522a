// Package component is the life that all parts of a role share, and the manager
// that leads many of them through it.
package component

import (
	"context"
	"time"
)

// Component is one part of a role: a process, a controller, a listener. The
// manager calls its methods one after the other, never two at once.
//
//	         Init             Start              Ready
//	waiting ──────► prepared ───────► starting ────────► ready
//	   │               │                  │                │
//	   │ error         │ error            │ error that     │ Failed
//	   │               │                  │ lasts          │
//	   ▼               ▼                  ▼                ▼
//	 failed ◄───────────────────────────────────────────────
//	   │
//	   │ Stop        every state from prepared on ── Stop ──► stopped
//	   └──────────────────────────────────────────────────►
type Component interface {
	// Name is unique within a manager.
	Name() string
	// Init makes what the component needs, such as its files. It starts
	// nothing that would have to be stopped.
	Init(ctx context.Context) error
	// Start starts the component, and returns without waiting until it serves.
	// ctx bounds the call, not the life of the component.
	Start(ctx context.Context) error
	// Ready is nil once the component serves. The manager asks again until then.
	Ready(ctx context.Context) error
	// Stop returns when nothing of the component runs any more. It is called
	// at most once, also after a Start that failed, and never without Start.
	Stop(ctx context.Context) error
}

// Failing is a component that can end by itself. A supervised process does not:
// it is started again.
type Failing interface {
	Component
	// Failed yields at most one error, after Start.
	Failed() <-chan error
}

// State is how far a component is, as drawn at Component.
type State string

// The states of a component.
const (
	Waiting  State = "waiting"
	Prepared State = "prepared"
	Starting State = "starting"
	Ready    State = "ready"
	Failed   State = "failed"
	Stopped  State = "stopped"
)

// Status is what can be told about a component.
type Status struct {
	Name  string    `json:"name"`
	State State     `json:"state"`
	Since time.Time `json:"since"`
	// Problem is why it is not ready; empty when there is nothing to tell.
	Problem string `json:"problem,omitempty"`
}
