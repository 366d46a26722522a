package cli

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/layout"
)

// directoryFlags say where kedge's files are.
type directoryFlags struct {
	dataDir string
	runDir  string
}

func (f *directoryFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.dataDir, "data-dir", layout.DefaultDataDir, "directory of what is kept: database, certificates, keys")
	flags.StringVar(&f.runDir, "run-dir", "", "directory of sockets and of what may be lost; best in memory (default: "+layout.DefaultRunDir+", for an ordinary user a directory of the session)")
}

// layout resolves the directories.
func (f *directoryFlags) layout() (layout.Layout, error) {
	data, err := filepath.Abs(f.dataDir)
	if err != nil {
		return layout.Layout{}, err
	}
	run := f.runDir
	session := os.Getenv("XDG_RUNTIME_DIR")
	switch {
	case run != "":
		run, err = filepath.Abs(run)
	case os.Geteuid() == 0:
		run = layout.DefaultRunDir
	case session != "":
		run = filepath.Join(session, "kedge")
	default:
		run = filepath.Join(data, "run")
	}
	return layout.Layout{DataDir: data, RunDir: run}, err
}

// background is for commands that cobra runs without a context.
func background(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
