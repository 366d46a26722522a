package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kedge/internal/install"
	"kedge/internal/role"
)

// The roles that kedge can have on a machine.
const (
	roleController = "controller"
	roleWorker     = "worker"
	roleSingle     = "single"
)

func roles() []string { return []string{roleController, roleWorker, roleSingle} }

func newInstall(roles ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "install",
		Short:   "Make kedge a service that starts with the machine",
		GroupID: groupCommands,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(roles...)
	return cmd
}

// serviceOf starts the executable that runs now, with the flags that were set.
func serviceOf(name string, flags *pflag.FlagSet) (install.Service, error) {
	executable, err := os.Executable()
	if err != nil {
		return install.Service{}, fmt.Errorf("find kedge's own file: %w", err)
	}
	service := install.Service{Role: name, Executable: executable, Args: []string{name}, StopSeconds: role.StopSeconds, PodsGoOn: name != roleController}
	flags.Visit(func(flag *pflag.Flag) {
		values, problem := serviceValues(flag)
		err = errors.Join(err, problem)
		for _, value := range values {
			service.Args = append(service.Args, "--"+flag.Name+"="+value)
		}
		if flag.Name == "enable-worker" && flag.Value.String() == "true" {
			service.PodsGoOn = true
		}
	})
	return service, err
}

// serviceValues are what a flag says, as the command line of a service repeats
// it: paths do not depend on where the service is started.
func serviceValues(flag *pflag.Flag) ([]string, error) {
	value := flag.Value.String()
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.GetSlice(), nil
	}
	switch flag.Name {
	case "config", "data-dir", "kubeconfig", "run-dir", "token-file":
		path, err := filepath.Abs(value)
		return []string{path}, err
	case "labels":
		return strings.Split(strings.Trim(value, "[]"), ","), nil
	}
	return []string{value}, nil
}

func newStart() *cobra.Command {
	return &cobra.Command{
		Use:     "start",
		Short:   "Start the installed service",
		GroupID: groupCommands,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			machine := install.ThisMachine()
			name := machine.Installed(roles()...)
			if name == "" {
				return errors.New("no service of kedge is installed here; 'kedge install' makes one")
			}
			return machine.Start(background(cmd), install.Service{Role: name})
		},
	}
}
