// Package layout knows where a controller's and a worker's files are. Those in the data
// directory are kept; those in the run directory are made anew at every start
// of the machine and are best in memory.
package layout

import (
	"fmt"
	"path/filepath"
)

// maxSocketPath is what fits into the kernel's address of a socket (unix(7)),
// with the zero at its end.
const maxSocketPath = 107

// DefaultDataDir and DefaultRunDir are root's.
const (
	DefaultDataDir = "/var/lib/kedge"
	DefaultRunDir  = "/run/kedge"
)

// DataDirVariable is the environment variable by which kubectl, whose flags are
// upstream's, learns of another data directory.
const DataDirVariable = "KEDGE_DATA_DIR"

// Layout is the two directories of one kedge.
type Layout struct {
	DataDir string
	RunDir  string
}

// Pair is the files of a certificate and its key.
type Pair struct {
	Certificate string
	Key         string
}

// Of the data directory.

// PKI is where certificates, keys and kubeconfigs are.
func (l Layout) PKI() string { return filepath.Join(l.DataDir, "pki") }

// Certificate is the file of a certificate alone, which everybody may read.
func (l Layout) Certificate(name string) string { return filepath.Join(l.PKI(), name+".crt") }

// Pair is a certificate with its key.
func (l Layout) Pair(name string) Pair {
	return Pair{Certificate: l.Certificate(name), Key: filepath.Join(l.PKI(), name+".key")}
}

// Issuer is what signs for an authority whose own key is kept elsewhere.
func (l Layout) Issuer(authority string) Pair { return l.Pair(authority + "-issuer") }

// Accepted has all whose certificates are good on this machine where that
// authority's are: who signs for it now, and for clients who enrols machines.
func (l Layout) Accepted(authority string) string { return l.Certificate(authority + "-accepted") }

// EnrolmentAuthority signs what machines may ask for certificates with. Its key
// is never on a controller.
func (l Layout) EnrolmentAuthority() string { return l.Certificate("enrol-ca") }

// Revoked lists the credentials that must not be taken any more.
func (l Layout) Revoked() string { return filepath.Join(l.PKI(), "revoked.json") }

// FleetList says which devices may ask without a credential.
func (l Layout) FleetList() string { return filepath.Join(l.PKI(), "fleet.json") }

// Kubeconfig is a client's file.
func (l Layout) Kubeconfig(name string) string { return filepath.Join(l.PKI(), name+".conf") }

// AdminKubeconfig may do everything.
func (l Layout) AdminKubeconfig() string { return l.Kubeconfig("admin") }

// ServiceAccountKey signs and proves the tokens of service accounts.
func (l Layout) ServiceAccountKey() string { return filepath.Join(l.PKI(), "sa.key") }

// Encryption is the API server's file that says how secrets are stored, with the key in it.
func (l Layout) Encryption() string { return filepath.Join(l.PKI(), "encryption.json") }

// Database is where kine keeps SQLite's files.
func (l Layout) Database() string { return filepath.Join(l.DataDir, "db") }

// DatabaseFile is SQLite's.
func (l Layout) DatabaseFile() string { return filepath.Join(l.Database(), "state.db") }

// Etcd is etcd's data directory.
func (l Layout) Etcd() string { return filepath.Join(l.DataDir, "etcd") }

// Manifests has a directory of manifests for each stack that is kept in the cluster.
func (l Layout) Manifests() string { return filepath.Join(l.DataDir, "manifests") }

// Record is what kedge notes about the data directory itself.
func (l Layout) Record() string { return filepath.Join(l.DataDir, "kedge.json") }

// Versions has executables of kedge that were installed beside the machine's own.
func (l Layout) Versions() string { return filepath.Join(l.DataDir, "kedge") }

// Artifacts has what a controller serves to its nodes, where somebody made it.
func (l Layout) Artifacts() string { return filepath.Join(l.DataDir, "artifacts") }

// Backups has what a controller saves before it is upgraded.
func (l Layout) Backups() string { return filepath.Join(l.DataDir, "backups") }

// Of the run directory.

// PIDs is where the running processes are noted.
func (l Layout) PIDs() string { return filepath.Join(l.RunDir, "pids") }

// StatusSocket is where a running kedge answers "kedge status".
func (l Layout) StatusSocket() string { return filepath.Join(l.RunDir, "status.sock") }

// Store is the directory of the sockets of kine, and of what it keeps in memory.
func (l Layout) Store() string { return filepath.Join(l.RunDir, "store") }

// KineSocket is where the API server finds what lasts.
func (l Layout) KineSocket() string { return filepath.Join(l.Store(), "kine.sock") }

// VolatileSocket is where the API server finds what lives for seconds.
func (l Layout) VolatileSocket() string { return filepath.Join(l.Store(), "volatile.sock") }

// VolatileDatabase is the file behind VolatileSocket.
func (l Layout) VolatileDatabase() string { return filepath.Join(l.Store(), "volatile.db") }

// Tunnel is the directory of the tunnel's socket.
func (l Layout) Tunnel() string { return filepath.Join(l.RunDir, "konnectivity") }

// TunnelSocket is where the API server reaches the tunnel to the nodes.
func (l Layout) TunnelSocket() string { return filepath.Join(l.Tunnel(), "server.sock") }

// APIConfig is the directory of the files that the API server reads at its start.
func (l Layout) APIConfig() string { return filepath.Join(l.RunDir, "kube-apiserver") }

// EgressSelector leads the API server's own connections into the tunnel.
func (l Layout) EgressSelector() string { return filepath.Join(l.APIConfig(), "egress-selector.json") }

// Authentication says who may come without a name.
func (l Layout) Authentication() string { return filepath.Join(l.APIConfig(), "authentication.json") }

// Authorization says who decides who may do what, and which nodes are refused.
func (l Layout) Authorization() string { return filepath.Join(l.APIConfig(), "authorization.json") }

// Refusal leads to whoever says no for refused nodes.
func (l Layout) Refusal() string { return filepath.Join(l.APIConfig(), "refusal.conf") }

// RefusedNodes names the nodes, one in each line, that get no tunnel.
func (l Layout) RefusedNodes() string { return filepath.Join(l.RunDir, "refused-nodes") }

// Admission says which pods are let in.
func (l Layout) Admission() string { return filepath.Join(l.APIConfig(), "admission.json") }

// AuditPolicy says what is written when the user asks for an audit log.
func (l Layout) AuditPolicy() string { return filepath.Join(l.APIConfig(), "audit-policy.json") }

// Made is everything that kedge makes in both directories.
func (l Layout) Made() []string {
	return []string{l.PKI(), l.Database(), l.Etcd(), l.PIDs(), l.StatusSocket(), l.Store(), l.Tunnel(), l.APIConfig(), l.RefusedNodes(), l.Versions()}
}

// Check refuses directories with which no socket could be made.
func (l Layout) Check() error { return l.check() }

// check is about the sockets that every role has, and more.
func (l Layout) check(more ...string) error {
	for _, dir := range []string{l.DataDir, l.RunDir} {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("directory %q is not an absolute path", dir)
		}
	}
	every := []string{l.StatusSocket(), l.KineSocket(), l.VolatileSocket(), l.TunnelSocket(), l.ContainerdSocket() + ttrpc}
	for _, socket := range append(every, more...) {
		if len(socket) > maxSocketPath {
			return fmt.Errorf("the run directory %s is too long: the socket %s has %d characters, and the kernel takes %d; choose a shorter one with --run-dir",
				l.RunDir, socket, len(socket), maxSocketPath)
		}
	}
	return nil
}
