package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"kedge/internal/config"
)

// group makes a command that has only further ones below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, GroupID: groupCommands,
		Args: func(cmd *cobra.Command, args []string) error {
			problem := fmt.Sprintf("'%s' needs a further word", cmd.CommandPath())
			if len(args) > 0 {
				problem = fmt.Sprintf("unknown command %q for '%s'", args[0], cmd.CommandPath())
			}
			return &usageError{problem: problem, hint: fmt.Sprintf("See '%s --help'.", cmd.CommandPath())}
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(below...)
	return cmd
}

func newConfig(env Env) *cobra.Command {
	return group("config", "Make and judge the configuration of a cluster", newConfigCreate(env), newConfigValidate(), newConfigSchema(env), newConfigReference(env))
}

func newConfigCreate(env Env) *cobra.Command {
	return &cobra.Command{
		Use:     "create",
		Short:   "Print a configuration with every default",
		Example: "  kedge config create > cluster.yaml",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			encoder := yaml.NewEncoder(env.Stdout)
			encoder.SetIndent(2)
			if err := encoder.Encode(config.Default()); err != nil {
				return fmt.Errorf("print the configuration: %w", err)
			}
			return encoder.Close()
		},
	}
}

func newConfigValidate() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Tell everything that is wrong with a configuration",
		Long: `kedge config validate reads a configuration and tells everything that is wrong
with it, by line, column and field. It starts nothing and needs no cluster.`,
		Example: "  kedge config validate --config cluster.yaml",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if file == "" {
				return &usageError{problem: "which configuration?", hint: "Name its file with --config, - for standard input."}
			}
			_, err := config.Load(file)
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "file with a ClusterConfig, - for standard input")
	return cmd
}

func newConfigSchema(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configurations, for editors",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			schema, err := config.Schema()
			if err == nil {
				_, err = env.Stdout.Write(schema)
			}
			return err
		},
	}
}

func newConfigReference(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "reference",
		Short: "Print the description of every field, in Markdown",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(env.Stdout, config.Reference())
			return err
		},
	}
}
