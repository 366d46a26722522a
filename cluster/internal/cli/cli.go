// Package cli is kedge's own command line: help, version, completion, and what
// happens when a word is not known.
package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/config"
	"kedge/internal/multicall"
	"kedge/internal/version"
)

// Exit codes, the same as those of the other tools in this project.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

const (
	groupComponents = "components"
	groupCommands   = "commands"
)

// Env is what the command line needs of its process.
type Env struct {
	Stdout io.Writer
	Stderr io.Writer
	Table  multicall.Table
	Build  version.Build
	// Helpers tells what the payload holds; nil asks the running executable's.
	Helpers HelperVersions
}

// Run executes kedge's own commands and returns the exit code. args does not
// contain the executable's name.
func Run(env Env, args []string) int {
	err := execute(env, args)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(env.Stderr, "kedge: %v\n", err)
	var usage *usageError
	var wrong *config.Problems
	if errors.As(err, &usage) || errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailure
}

// RefuseAbsent tells that this build was made without a component, and returns
// the exit code.
func RefuseAbsent(env Env, name string) int {
	fmt.Fprintf(env.Stderr, "kedge: %v\n", &usageError{
		problem: fmt.Sprintf("this build does not have %s: it was made with the build tags %s", name, strings.Join(env.Build.Tags, ", ")),
		hint:    "See 'kedge --help' for what it has.",
	})
	return exitUsage
}

func execute(env Env, args []string) error {
	// The first word decides before any flag is parsed: what follows a
	// misspelt component are that component's flags, not wrong ones of ours.
	if word := firstWord(args); word != "" && !isKnown(env.Table, word) {
		return unknownWord(env.Table, word)
	}
	// cobra takes over whatever packages registered here while they
	// initialised, such as Kubernetes' --version. None of that is kedge's.
	pflag.CommandLine = pflag.NewFlagSet("kedge", pflag.ContinueOnError)
	root := newRoot(env)
	root.SetArgs(args)
	return root.Execute()
}

func firstWord(args []string) string {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return ""
	}
	return args[0]
}

// usageError is a command line that kedge does not understand.
type usageError struct {
	problem string
	hint    string
}

func (e *usageError) Error() string {
	return e.problem + "\n" + e.hint
}

func newRoot(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "kedge",
		Short: "Kubernetes in one executable",
		Long: `kedge is Kubernetes in one executable.

A component runs as "kedge NAME", or through a link to the executable that bears
its name. All arguments after the name are the component's own.`,
		Example: `  kedge kube-apiserver --help
  kedge version --all -o json`,
		Version:       env.Build.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownWord(env.Table, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(
		&cobra.Group{ID: groupComponents, Title: "Components:"},
		&cobra.Group{ID: groupCommands, Title: "Commands:"},
	)
	for _, program := range env.Table.Programs() {
		root.AddCommand(listed(program))
	}
	root.AddCommand(newVersion(env), newPayload(env), newSysinfo(env), newConfig(env), newAirgap(env))
	root.AddCommand(controllerCommands(env)...)
	root.AddCommand(workerCommands(env)...)
	root.AddCommand(machineCommands(env)...)
	root.AddCommand(accessCommands(env)...)
	root.SetHelpCommandGroupID(groupCommands)
	root.SetCompletionCommandGroupID(groupCommands)
	return root
}

// machineCommands are about the kedge of this machine, whatever its role is.
func machineCommands(env Env) []*cobra.Command {
	return []*cobra.Command{
		newInstall(append(installController(), installWorker()...)...), newStart(), newStop(), newStatus(env), newReset(env), newSupport(env),
		newUpgrade(env), newOS(env),
	}
}

// listed makes a component appear in help and completion. Its process never
// gets this far: multicall resolves it before cobra sees an argument, so that
// upstream's flags cannot meet kedge's.
func listed(program multicall.Program) *cobra.Command {
	return &cobra.Command{
		Use:                program.Name,
		Short:              program.Summary,
		GroupID:            groupComponents,
		DisableFlagParsing: true,
		Run:                func(*cobra.Command, []string) {},
	}
}

func flagError(cmd *cobra.Command, err error) error {
	return &usageError{problem: err.Error(), hint: fmt.Sprintf("See '%s --help'.", cmd.CommandPath())}
}
