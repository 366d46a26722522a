//go:build !unpatched

package metricsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"sigs.k8s.io/apiserver-network-proxy/cmd/agent/app/options"
	"sigs.k8s.io/apiserver-network-proxy/konnectivity-client/pkg/client"
	"sigs.k8s.io/apiserver-network-proxy/pkg/agent"
	"sigs.k8s.io/apiserver-network-proxy/pkg/util"
)

// tunnel is how metrics-server reaches kubelets, and how the API server reaches
// metrics-server: nothing dials nodes, and the API server dials nothing else.
type tunnel struct {
	// socket is the server's, for those who dial.
	socket string
	// server is where the server takes agents, one of which is made here under
	// the name.
	server, name                string
	authority, certificate, key string
}

func (t *tunnel) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&t.socket, "tunnel-socket", "", "The socket of the tunnel by which kubelets are reached. If empty they are dialled.")
	flags.StringVar(&t.server, "tunnel-server", "", "The address, HOST:PORT, where the tunnel takes agents. If empty the API server must be able to dial.")
	flags.StringVar(&t.name, "tunnel-name", "", "The name in the tunnel by which the API server reaches this server.")
	flags.StringVar(&t.authority, "tunnel-ca", "", "The file of who signed the tunnel's certificate.")
	flags.StringVar(&t.certificate, "tunnel-certificate", "", "The file of the certificate for the name in the tunnel.")
	flags.StringVar(&t.key, "tunnel-key", "", "The file of its key.")
}

// dial opens a connection at the far end of the tunnel.
func (t *tunnel) dial(ctx context.Context, network, address string) (net.Conn, error) {
	// A stream that is made for a request goes on when the request has ended.
	made, err := client.CreateSingleUseGrpcTunnelWithContext(ctx, context.WithoutCancel(ctx), "unix://"+t.socket,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("reach the tunnel at %s: %w", t.socket, err)
	}
	return made.DialContext(ctx, network, address)
}

// serve leads what the API server dials under the name to the address of this
// server, and refuses everything else, until stop closes.
func (t *tunnel) serve(address string, stop <-chan struct{}) error {
	host, text, err := net.SplitHostPort(t.server)
	if err != nil {
		return fmt.Errorf("--tunnel-server: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("--tunnel-server: %w", err)
	}
	secured, err := util.GetClientTLSConfig(t.authority, t.certificate, t.key, host, nil)
	if err != nil {
		return fmt.Errorf("read the certificates for the tunnel: %w", err)
	}
	o := options.NewGrpcProxyAgentOptions()
	o.ProxyServerHost, o.ProxyServerPort = host, port
	o.AgentID, o.AgentIdentifiers = t.name, "host="+t.name
	const capped = 10 * time.Second
	o.SyncIntervalCap = capped
	config := o.ClientSetConfig(grpc.WithTransportCredentials(credentials.NewTLS(secured)))
	config.Dial = func(network, wanted string, timeout time.Duration) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(wanted); err != nil || host != t.name {
			return nil, errors.New("there is nothing here but " + t.name)
		}
		return net.DialTimeout(network, address, timeout)
	}
	agents := config.NewAgentClientSet(stop, stop)
	agents.SetServerCounter(agent.NewAggregateServerCounter(nil, agent.NewResponseBasedCounter(agents), o.ServerCountSource))
	agents.Serve()
	return nil
}
