package argv

import (
	"strconv"

	"kedge/internal/layout"
)

// sqliteOptions are needed whole: without the immediate transactions writers
// lock each other out, and the API server never becomes ready.
const sqliteOptions = "_journal_mode=WAL&_busy_timeout=30000&_synchronous=NORMAL&_txlock=immediate"

// volatileOptions do not wait for a disk: the file lies in memory, and is
// thrown away when the machine starts.
const volatileOptions = "_journal_mode=WAL&_busy_timeout=30000&_synchronous=OFF&_txlock=immediate"

// KineArgs is what keeps the cluster's state.
func KineArgs(c Cluster, l layout.Layout) []string {
	endpoint := c.DataSource
	if endpoint == "" {
		endpoint = "sqlite://" + l.DatabaseFile() + "?" + sqliteOptions
	}
	return kine(endpoint, l.KineSocket()).list(c.ExtraArgs[Kine])
}

// VolatileKineArgs is what keeps leases and events, which are nearly all that
// an idle cluster writes.
func VolatileKineArgs(c Cluster, l layout.Layout) []string {
	endpoint := "sqlite://" + l.VolatileDatabase() + "?" + volatileOptions
	return kine(endpoint, l.VolatileSocket()).list(nil)
}

func kine(endpoint, socket string) arguments {
	return arguments{
		"endpoint":             endpoint,
		"listen-address":       "unix://" + socket,
		"metrics-bind-address": "0",
	}
}

// EtcdArgs is a single etcd that only this machine reaches.
func EtcdArgs(c Cluster, l layout.Layout) []string {
	client := "https://" + Loopback + ":" + strconv.Itoa(c.Ports.EtcdClient)
	peer := "https://" + Loopback + ":" + strconv.Itoa(c.Ports.EtcdPeer)
	const name = "kedge"
	server, authority := l.Pair("etcd/server"), l.Certificate("etcd/ca")
	args := arguments{
		"name":                        name,
		"data-dir":                    l.Etcd(),
		"listen-client-urls":          client,
		"advertise-client-urls":       client,
		"listen-peer-urls":            peer,
		"initial-advertise-peer-urls": peer,
		"initial-cluster":             name + "=" + peer,
		"client-cert-auth":            "true",
		"trusted-ca-file":             authority,
		"peer-client-cert-auth":       "true",
		"peer-trusted-ca-file":        authority,
		"tls-min-version":             "TLS1.2",
	}
	args.pair("cert-file", "key-file", server.Certificate, server.Key)
	args.pair("peer-cert-file", "peer-key-file", server.Certificate, server.Key)
	return args.list(c.ExtraArgs[Etcd])
}

// EtcdEndpoint is where etcd serves its clients.
func (c Cluster) EtcdEndpoint() string {
	return Loopback + ":" + strconv.Itoa(c.Ports.EtcdClient)
}
