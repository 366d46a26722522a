package cli

import (
	"io"
	"log/slog"

	"kedge/internal/support"
)

// recentLogBytes of the log are kept in memory, for 'kedge support'.
const recentLogBytes = 128 << 10

// newLog makes the log of a role, and what tells its end.
func newLog(env Env, debug bool) (log *slog.Logger, recent func() []byte) {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	kept := support.NewRecent(recentLogBytes)
	return slog.New(slog.NewTextHandler(io.MultiWriter(env.Stderr, kept), &slog.HandlerOptions{Level: level})), kept.Bytes
}
