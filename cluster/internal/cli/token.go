//go:build !without_controller

package cli

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"kedge/internal/layout"
	"kedge/internal/token"
	"kedge/internal/wholefile"
)

// askTimeout bounds a request to the API server.
const askTimeout = 30 * time.Second

// tokens are those of the cluster on this machine.
func tokens(places layout.Layout) (token.Tokens, error) {
	client, err := coreClient(places)
	if err != nil {
		return token.Tokens{}, err
	}
	return token.Tokens{Secrets: client.Secrets(token.Namespace)}, nil
}

// coreClient asks the API server on this machine as its administrator.
func coreClient(places layout.Layout) (*typedcorev1.CoreV1Client, error) {
	config, err := admin(places)
	if err != nil {
		return nil, err
	}
	client, err := typedcorev1.NewForConfig(&rest.Config{
		Host: config.Server, Timeout: askTimeout,
		TLSClientConfig: rest.TLSClientConfig{CAData: config.CA, CertData: config.Certificate, KeyData: config.Key},
	})
	if err != nil {
		return nil, fmt.Errorf("use the administrator's kubeconfig: %w", err)
	}
	return client, nil
}

// roleFlag is what the machine with the token may become.
type roleFlag string

func (r *roleFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar((*string)(r), "role", "worker", "what the machine with the token may become: worker")
}

func (r *roleFlag) check() error {
	if *r != "worker" {
		return &usageError{problem: fmt.Sprintf("there are no tokens for the role %q", *r), hint: "The role is worker."}
	}
	return nil
}

// end is when a token of that life expires; the zero time is never.
func end(life time.Duration, now time.Time) (time.Time, error) {
	switch {
	case life < 0:
		return time.Time{}, &usageError{problem: fmt.Sprintf("a token cannot be good for %s", life), hint: "Give a time such as 24h, or 0s for ever."}
	case life == 0:
		return time.Time{}, nil
	}
	return now.Add(life), nil
}

func newTokenCreate(env Env) *cobra.Command {
	var flags serverFlags
	var role roleFlag
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a token and print it",
		Long: `kedge token create makes a token with which machines can join the cluster as
workers, and prints it. Whoever has it can join until it expires or is
invalidated: keep it in a file that only root can read.`,
		Example: "  kedge token create --expiry 1h > token",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			expires, err := end(life, time.Now())
			if err != nil {
				return err
			}
			if err := role.check(); err != nil {
				return err
			}
			places, server, err := flags.resolve(cmd)
			if err != nil {
				return err
			}
			known, err := tokens(places)
			if err != nil {
				return err
			}
			join, text, err := newJoin(server, places.Certificate("ca"))
			if err != nil {
				return err
			}
			if err := known.Create(background(cmd), join.Bootstrap, expires); err != nil {
				return err
			}
			_, err = fmt.Fprintln(env.Stdout, text)
			return err
		},
	}
	flags.add(cmd)
	role.add(cmd)
	cmd.Flags().DurationVar(&life, "expiry", 0, "how long the token is good for, such as 24h; 0s is for ever")
	return cmd
}

// newJoin makes a token that nobody knows yet.
func newJoin(server, authority string) (token.Join, string, error) {
	ca, err := os.ReadFile(authority)
	if err != nil {
		return token.Join{}, "", fmt.Errorf("read the API server's authority: %w", err)
	}
	bootstrap, err := token.New(rand.Reader)
	if err != nil {
		return token.Join{}, "", err
	}
	join := token.Join{Server: server, CA: ca, Bootstrap: bootstrap}
	text, err := join.Encode()
	return join, text, err
}

func newTokenList(env Env) *cobra.Command {
	var directories directoryFlags
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Tell which tokens there are, without their secrets",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			places, err := directories.layout()
			if err != nil {
				return err
			}
			known, err := tokens(places)
			if err != nil {
				return err
			}
			list, err := known.List(background(cmd))
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(env.Stdout, list)
			}
			table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintf(table, "ID\tROLE\tEXPIRES AT\n")
			for _, known := range list {
				fmt.Fprintf(table, "%s\t%s\t%s\n", known.ID, known.Role, known.Expiry)
			}
			return table.Flush()
		},
	}
	directories.add(cmd.Flags())
	addOutputFlag(cmd.Flags(), &output)
	return cmd
}

func newTokenInvalidate(Env) *cobra.Command {
	var directories directoryFlags
	cmd := &cobra.Command{
		Use:   "invalidate TOKEN...",
		Short: "Make tokens worthless",
		Long: `kedge token invalidate makes the cluster forget tokens. A token is named by its
ID, as 'kedge token list' shows it, or given whole. Machines that joined with it
stay. The API server may remember a token for ten seconds more.`,
		Example: "  kedge token invalidate 3k2m9x",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return nil
			}
			return &usageError{problem: "which token?", hint: "'kedge token list' shows all."}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids := make([]string, 0, len(args))
			for _, text := range args {
				id, err := token.ID(text)
				if err != nil {
					return &usageError{problem: err.Error(), hint: "A token is named by its ID, or given whole."}
				}
				ids = append(ids, id)
			}
			places, err := directories.layout()
			if err != nil {
				return err
			}
			known, err := tokens(places)
			if err != nil {
				return err
			}
			return known.Invalidate(background(cmd), ids)
		},
	}
	directories.add(cmd.Flags())
	return cmd
}

func newTokenPreShared(Env) *cobra.Command {
	var url, authority, directory string
	var role roleFlag
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "pre-shared",
		Short: "Make a token before there is a cluster",
		Long: `kedge token pre-shared needs no cluster: it writes a token (token_ID) and a
manifest (bootstrap-token-ID.yaml) that makes a cluster know it. Put the manifest
into a directory below the manifests directory of the controller, or apply it.`,
		Example: "  kedge token pre-shared --cert ca.crt --url https://cluster.example.com:6443 --valid 720h --out tokens",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			expires, err := end(life, time.Now())
			if err != nil {
				return err
			}
			if err := role.check(); err != nil {
				return err
			}
			if url == "" || authority == "" {
				return &usageError{problem: "--url and --cert are needed", hint: "They are the API server's address, and the certificate of its authority."}
			}
			return writePreShared(url, authority, directory, expires)
		},
	}
	role.add(cmd)
	cmd.Flags().StringVar(&url, "url", "", "the API server as workers reach it, https://HOST:PORT")
	cmd.Flags().StringVar(&authority, "cert", "", "file with the certificate of the API server's authority")
	cmd.Flags().StringVar(&directory, "out", ".", "directory to write to")
	cmd.Flags().DurationVar(&life, "valid", 0, "how long the token is good for, such as 24h; 0s is for ever")
	return cmd
}

func writePreShared(url, authority, directory string, expires time.Time) error {
	join, text, err := newJoin(url, authority)
	if err != nil {
		return err
	}
	manifest, err := yaml.Marshal(token.Secret(join.Bootstrap, expires))
	if err != nil {
		return fmt.Errorf("encode the token's manifest: %w", err)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("make the directory of the token: %w", err)
	}
	for name, content := range map[string][]byte{
		"token_" + join.Bootstrap.ID: []byte(text + "\n"), "bootstrap-token-" + join.Bootstrap.ID + ".yaml": manifest,
	} {
		if err := wholefile.Write(filepath.Join(directory, name), content, 0o600); err != nil {
			return fmt.Errorf("write the token: %w", err)
		}
	}
	return nil
}
