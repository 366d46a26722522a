package cli

import (
	"log/slog"
	"os"

	"kedge/internal/layout"
	"kedge/internal/versions"
)

const guardCommand = "guard"

// enterVersion becomes the version of kedge that is in use on this machine, if it is
// another one. What was given on the command line is given to that one.
func enterVersion(places layout.Layout, log *slog.Logger) {
	self, err := executableFile()
	if err != nil {
		log.Warn("kedge does not know its own file, and cannot become another version", "error", err)
		return
	}
	versions.Entry{
		Store: storeOf(places), Self: self, Argv: os.Args, Environment: os.Environ(), Log: log,
		Guard: []string{"upgrade", guardCommand, "--data-dir=" + places.DataDir, "--run-dir=" + places.RunDir},
	}.Enter()
}

// followVersion is enterVersion for commands that work on what the version in use has
// written. One on trial is only for the service to start.
func followVersion(places layout.Layout, log *slog.Logger) {
	if state, err := storeOf(places).Read(); err == nil && state.Trial == nil {
		enterVersion(places, log)
	}
}

// confirmVersion is called when a role works: a version on trial has then shown that
// it does.
func confirmVersion(env Env, places layout.Layout, log *slog.Logger) func() {
	return func() {
		if err := storeOf(places).Confirm(env.Build.Version); err != nil {
			log.Error("it cannot be noted that this version of kedge works", "error", err)
		}
	}
}
