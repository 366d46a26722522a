//go:build !without_worker

package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"kedge/internal/enrolment"
	"kedge/internal/token"
	"kedge/internal/worker"
)

// apiPort is where a controller's API server listens, unless its cluster has another.
const apiPort = "6443"

// joinFlags are what lets a machine join.
type joinFlags struct {
	tokenFile      string
	kubeconfig     string
	credentialFile string
	authorityFile  string
	servers        []string
}

func (f *joinFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the join token; it may be gone once the machine has joined")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "file with a certificate of the node that was made beforehand, instead of a token")
	flags.StringVar(&f.credentialFile, "credential-file", "", "file with the node's credential, as 'builder provision' makes it, instead of a token; it may be gone once the machine has joined, and is needed again after an absence of a month")
	flags.StringVar(&f.authorityFile, "authority-file", "", "file with the certificate of who signs the API server's, for --credential-file, or for a device that asks to be approved")
	flags.StringArrayVar(&f.servers, "server", nil, "where the cluster is reached, HOST or HOST:PORT, for --credential-file, or for a device that asks to be approved; one after the other is tried")
}

// namesCluster says that something tells which cluster the machine belongs to.
func (f *joinFlags) namesCluster() bool { return f.authorityFile != "" || len(f.servers) > 0 }

// isOfFleet says that the machine has no proof, and asks to be approved.
func (f *joinFlags) isOfFleet() bool { return f.credentialFile == "" && f.namesCluster() }

// check refuses flags that do not go together.
func (f *joinFlags) check(args []string) error {
	const help = "See 'kedge worker --help'."
	var ways []string
	for way, isWanted := range map[string]bool{
		"--token-file": f.tokenFile != "", "--kubeconfig": f.kubeconfig != "", "--credential-file": f.credentialFile != "",
	} {
		if isWanted {
			ways = append(ways, way)
		}
	}
	switch {
	case len(args) > 0 && f.tokenFile != "":
		return &usageError{problem: "a join token and --token-file exclude each other", hint: help}
	case f.credentialFile != "" && (len(args) > 0 || len(ways) > 1):
		return &usageError{problem: "--credential-file goes with no token and no --kubeconfig: a machine joins in one way", hint: help}
	case f.credentialFile != "" && (f.authorityFile == "" || len(f.servers) == 0):
		return &usageError{problem: "--credential-file needs --authority-file and --server", hint: "Both are in the node.yaml that came with the credential: cluster.authority, endpoints."}
	case f.credentialFile == "" && f.namesCluster() && (len(args) > 0 || len(ways) > 0):
		return &usageError{problem: "--authority-file and --server go with --credential-file", hint: "A token or a kubeconfig says both itself."}
	case f.namesCluster() && (f.authorityFile == "" || len(f.servers) == 0):
		return &usageError{problem: "a device that asks to be approved needs both --authority-file and --server", hint: "Both are in the node.yaml of its card: cluster.authority, endpoints."}
	}
	for _, server := range f.servers {
		if err := worker.CheckServer(serverURL(server)); err != nil {
			return &usageError{problem: fmt.Sprintf("--server: %q is no address", server), hint: err.Error() + "."}
		}
	}
	return nil
}

// serverURL adds what is left out of HOST[:PORT].
func serverURL(server string) string {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), apiPort)
	}
	return "https://" + server
}

// right is how the right to join is got; nil: there is none.
func (f *joinFlags) right(args []string) (func(context.Context, bool) (worker.Right, error), error) {
	if err := f.check(args); err != nil {
		return nil, err
	}
	switch {
	case len(args) > 0:
		return func(context.Context, bool) (worker.Right, error) {
			join, err := token.Decode(args[0])
			return worker.ByToken(join), err
		}, nil
	case f.tokenFile != "":
		return func(context.Context, bool) (worker.Right, error) { return readToken(f.tokenFile) }, nil
	case f.namesCluster():
		return func(_ context.Context, isNode bool) (worker.Right, error) { return f.readCredential(isNode) }, nil
	}
	return nil, nil
}

func readToken(file string) (worker.Right, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return worker.Right{}, fmt.Errorf("read the join token: %w", err)
	}
	join, err := token.Decode(string(content))
	if err != nil {
		return worker.Right{}, fmt.Errorf("%s: %w", file, err)
	}
	return worker.ByToken(join), nil
}

// readCredential reads all that comes with a credential, or with a fleet's card, which has none. A node does without
// it, and without what is left of it after it was wiped.
func (f *joinFlags) readCredential(isNode bool) (worker.Right, error) {
	var right worker.Right
	for _, server := range f.servers {
		right.Servers = append(right.Servers, serverURL(server))
	}
	var err error
	if right.CA, err = os.ReadFile(f.authorityFile); err != nil {
		return worker.Right{}, fmt.Errorf("read whom to trust: %w", err)
	}
	if err := worker.CheckAuthority(right.CA); err != nil {
		return worker.Right{}, fmt.Errorf("%s: %w", f.authorityFile, err)
	}
	if right.IsOfFleet = f.isOfFleet(); right.IsOfFleet {
		return right, nil
	}
	credential, err := readCredentialFile(f.credentialFile)
	if err != nil && !isNode {
		return worker.Right{}, err
	}
	right.Credential = credential
	return right, nil
}

func readCredentialFile(file string) (*enrolment.Credential, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the node's credential: %w", err)
	}
	credential, err := enrolment.ParseCredential(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &credential, nil
}
