package backup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"kedge/internal/argv"
	"kedge/internal/layout"
)

// snapshotRoot is the directory of etcd's snapshot in an archive, and of etcd
// itself in a data directory.
const (
	snapshotRoot = "etcd"
	snapshotName = snapshotRoot + "/snapshot.db"
)

// answerTimeout is how long etcd may take to answer at all.
const answerTimeout = 10 * time.Second

// saveSnapshot asks the running etcd for its state of one moment.
func saveSnapshot(ctx context.Context, source Source, to string) ([]entry, error) {
	endpoint := source.EtcdEndpoint
	client, err := etcdClient(ctx, source.Layout, endpoint)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := client.Status(asking, endpoint); err != nil {
		return nil, fmt.Errorf("etcd does not answer at %s: %w; it is saved while the controller runs", endpoint, err)
	}
	snapshot, err := client.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask etcd for a snapshot: %w", err)
	}
	defer snapshot.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, snapshot) // its own digest is at its end
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("copy etcd's snapshot: %w", err)
	}
	return copyOf(to, File{Path: snapshotName, Mode: 0o600})
}

func etcdClient(ctx context.Context, l layout.Layout, endpoint string) (*clientv3.Client, error) {
	authority, err := os.ReadFile(l.Certificate("etcd/ca"))
	if err != nil {
		return nil, fmt.Errorf("read etcd's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s has no certificate", l.Certificate("etcd/ca"))
	}
	own := l.Pair("etcd/client")
	certificate, err := tls.LoadX509KeyPair(own.Certificate, own.Key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of etcd's client: %w", err)
	}
	return clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, Context: ctx, Logger: zap.NewNop(),
		TLS: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	})
}

// RunEtcdutl runs etcdutl with these arguments.
type RunEtcdutl func(args []string) error

// restoreSnapshot makes etcd's files of the snapshot that was unpacked, if there
// is one.
func restoreSnapshot(staging string, run RunEtcdutl) error {
	snapshot := filepath.Join(staging, filepath.FromSlash(snapshotName))
	if _, err := os.Lstat(snapshot); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	made := filepath.Join(staging, "etcd.restored")
	if err := run(argv.RestoreSnapshotArgs(snapshot, made)); err != nil {
		return fmt.Errorf("restore etcd's snapshot: %w", err)
	}
	etcd := filepath.Join(staging, snapshotRoot)
	if err := errors.Join(os.RemoveAll(etcd), os.Rename(made, etcd)); err != nil {
		return fmt.Errorf("put etcd's files in their place: %w", err)
	}
	return filepath.WalkDir(etcd, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return own(path, argv.Etcd)
	})
}
