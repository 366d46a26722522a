//go:build !without_controller

package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kedge/internal/kubeconfig"
	"kedge/internal/layout"
	"kedge/internal/pki"
	"kedge/internal/status"
)

// accessCommands give machines and people access to a cluster.
func accessCommands(env Env) []*cobra.Command {
	return []*cobra.Command{
		group("token", "Manage the tokens with which machines join", newTokenCreate(env), newTokenList(env), newTokenInvalidate(env), newTokenPreShared(env)),
		group("node", "Decide which devices become nodes", newNodeList(env), newNodeApprove(env), newNodeRefuse(env)),
		group("kubeconfig", "Make the files with which people reach the cluster", newKubeconfigAdmin(env), newKubeconfigCreate(env)),
	}
}

// serverFlags say where a controller is, on this machine and for others.
type serverFlags struct {
	directories directoryFlags
	url         string
}

func (f *serverFlags) add(cmd *cobra.Command) {
	f.directories.add(cmd.Flags())
	cmd.Flags().StringVar(&f.url, "url", "", "the API server as others reach it, https://HOST:PORT (default: what the running controller says)")
}

// resolve finds the directories, and where others reach the API server.
func (f *serverFlags) resolve(cmd *cobra.Command) (layout.Layout, string, error) {
	places, err := f.directories.layout()
	if err != nil || f.url != "" {
		return places, strings.TrimSuffix(f.url, "/"), err
	}
	report, err := status.Ask(background(cmd), places.StatusSocket())
	if errors.Is(err, status.ErrNotRunning) {
		err = fmt.Errorf("%w; start it, or say with --url where others reach the API server", err)
	}
	return places, report.Server, err
}

// admin is the administrator's view of the cluster.
func admin(places layout.Layout) (kubeconfig.Config, error) {
	content, err := os.ReadFile(places.AdminKubeconfig())
	if errors.Is(err, os.ErrNotExist) {
		return kubeconfig.Config{}, fmt.Errorf("%s is not there: no controller was started with this data directory; name it with --data-dir", places.AdminKubeconfig())
	}
	if err != nil {
		return kubeconfig.Config{}, fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	return kubeconfig.Parse(content)
}

func newKubeconfigAdmin(env Env) *cobra.Command {
	var flags serverFlags
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Print the administrator's kubeconfig",
		Long: `kedge kubeconfig admin prints a kubeconfig that may do everything, for use on
other machines. Its certificate is signed anew long before it expires; a copy is
not, so fetch it again once in a while.`,
		Example: "  kedge kubeconfig admin > ~/.kube/config",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			places, server, err := flags.resolve(cmd)
			if err != nil {
				return err
			}
			config, err := admin(places)
			if err != nil {
				return err
			}
			config.Server = server
			return printKubeconfig(env, config)
		},
	}
	flags.add(cmd)
	return cmd
}

func newKubeconfigCreate(env Env) *cobra.Command {
	const year = 365 * 24 * time.Hour
	var flags serverFlags
	client := pki.Client{Life: year}
	cmd := &cobra.Command{
		Use:   "create USER",
		Short: "Print a kubeconfig for a user",
		Long: `kedge kubeconfig create signs a certificate for a user and prints a kubeconfig
with it. What the user may do is up to RBAC: bind roles to the user or the groups.
A certificate cannot be taken back before it expires.`,
		Example: `  kedge kubeconfig create alice --groups operators > alice.kubeconfig
  kedge kubectl create clusterrolebinding operators --clusterrole=view --group=operators`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "" {
				return nil
			}
			return &usageError{problem: "whose kubeconfig? One user is wanted", hint: fmt.Sprintf("See '%s --help'.", cmd.CommandPath())}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			places, server, err := flags.resolve(cmd)
			if err != nil {
				return err
			}
			config, err := admin(places)
			if err != nil {
				return err
			}
			client.Name, config.User, config.Server = args[0], args[0], server
			if config.Certificate, config.Key, err = pki.SignClient(places, client, time.Now()); err != nil {
				return err
			}
			return printKubeconfig(env, config)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringSliceVar(&client.Groups, "groups", nil, "groups that the user is in")
	cmd.Flags().DurationVar(&client.Life, "certificate-expires-after", client.Life, "how long the certificate is good for")
	return cmd
}

func printKubeconfig(env Env, config kubeconfig.Config) error {
	content, err := config.Encode()
	if err != nil {
		return err
	}
	_, err = env.Stdout.Write(content)
	return err
}
