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

// KineArgs is what keeps the cluster's state, and after secondStore, what lives
// for seconds. A database elsewhere is told by KineEnv: it has a password, and
// everybody may read a process' arguments.
func KineArgs(c Cluster, l layout.Layout) []string {
	args := stateArgs(c, l)
	if c.SeparateStores {
		return args
	}
	return append(append(args, secondStore), VolatileKineArgs(c, l)...)
}

// secondStore stands before the flags of another store that kedge's kine keeps in
// the same process.
const secondStore = "--"

func stateArgs(c Cluster, l layout.Layout) []string {
	args := kine(l.KineSocket())
	if c.Database.DataSource == "" {
		args["endpoint"] = "sqlite://" + l.DatabaseFile() + "?" + sqliteOptions
	}
	for flag, file := range map[string]string{
		"ca-file": c.Database.CAFile, "cert-file": c.Database.CertFile, "key-file": c.Database.KeyFile,
	} {
		if file != "" {
			args[flag] = file
		}
	}
	return args.list(c.ExtraArgs[Kine])
}

// KineEnv names the database, where it is elsewhere.
func KineEnv(c Cluster) []string {
	if c.Database.DataSource == "" {
		return nil
	}
	return []string{"KINE_ENDPOINT=" + c.Database.DataSource}
}

// VolatileKineArgs is what keeps leases and events, which are nearly all that
// an idle cluster writes.
func VolatileKineArgs(c Cluster, l layout.Layout) []string {
	args := kine(l.VolatileSocket())
	args["endpoint"] = "sqlite://" + l.VolatileDatabase() + "?" + volatileOptions
	return args.list(nil)
}

func kine(socket string) arguments {
	return arguments{
		// The API server compacts, up to what was five minutes ago. A small
		// cluster's whole history would be fewer revisions than kine retains.
		"compact-min-retain":   "0",
		"listen-address":       "unix://" + socket,
		"metrics-bind-address": "0",
	}
}

// etcdName is the single member's.
const etcdName = "kedge"

// EtcdArgs is a single etcd that only this machine reaches.
func EtcdArgs(c Cluster, l layout.Layout) []string {
	client := "https://" + c.EtcdEndpoint()
	peer := "https://" + Loopback + ":" + strconv.Itoa(c.Ports.EtcdPeer)
	server, authority := l.Pair("etcd/server"), l.Certificate("etcd/ca")
	args := arguments{
		"name":                        etcdName,
		"data-dir":                    l.Etcd(),
		"listen-client-urls":          client,
		"advertise-client-urls":       client,
		"listen-peer-urls":            peer,
		"initial-advertise-peer-urls": peer,
		"initial-cluster":             etcdName + "=" + peer,
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

// revisionBump is more changes than a cluster makes after a backup: clients that
// have seen later revisions than the backup's then see later ones again, and
// marked as compacted, all that they knew is read anew.
const revisionBump = 1_000_000_000

// RestoreSnapshotArgs is how etcdutl makes a data directory of a snapshot.
func RestoreSnapshotArgs(snapshot, dataDir string) []string {
	peer := "https://" + Loopback + ":" + strconv.Itoa(DefaultPorts().EtcdPeer)
	args := arguments{
		"name":                        etcdName,
		"data-dir":                    dataDir,
		"initial-cluster":             etcdName + "=" + peer,
		"initial-advertise-peer-urls": peer,
		"bump-revision":               strconv.Itoa(revisionBump),
		"mark-compacted":              "true",
	}
	return append([]string{"snapshot", "restore", snapshot}, args.list(nil)...)
}

// EtcdEndpoint is where etcd serves its clients.
func (c Cluster) EtcdEndpoint() string {
	return Loopback + ":" + strconv.Itoa(c.Ports.EtcdClient)
}
