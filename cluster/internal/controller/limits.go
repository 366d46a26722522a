package controller

import (
	"strconv"

	"kedge/internal/argv"
)

// oomScore makes the kernel look for other victims first: without its control
// plane nothing on a cluster heals.
const oomScore = -500

// garbage is how much a heap may grow before it is cleaned up, in percent. Go's
// own 100 costs twice the memory that is in use, and a control plane at the
// edge is idle nearly always.
const garbage = 50

// environment is what a component is told by variables.
func environment(name string) []string {
	env := []string{"GOGC=" + strconv.Itoa(garbage)}
	if name == argv.Etcd {
		// Upstream does not test every architecture; whoever chose etcd there did.
		env = append(env, unsupportedArch()...)
	}
	return env
}
