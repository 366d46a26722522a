// Package backup writes a controller's state into one archive, and makes a data
// directory out of one. The archive holds keys: who has it is the cluster.
package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"kedge/internal/argv"
	"kedge/internal/database"
	"kedge/internal/datadir"
	"kedge/internal/layout"
)

// recordName is the data directory's file about itself.
const recordName = "kedge.json"

// databaseName is where SQLite's file is in the data directory, as layout has it.
const databaseName = "db/state.db"

// Source is what is saved.
type Source struct {
	Layout layout.Layout
	// Config is the user's file with the ClusterConfig; empty: none.
	Config string
	// WithoutDatabase permits an archive of a cluster whose database is elsewhere.
	WithoutDatabase bool
	// EtcdEndpoint is where etcd serves, when the cluster is in etcd.
	EtcdEndpoint string
	Version      string
	Now          time.Time
	// Temporary is where the database is copied to first.
	Temporary string
}

// entry is a file on its way into the archive. Small files are in memory: they
// may be replaced meanwhile.
type entry struct {
	File
	content []byte
	from    string // for the copy of the database, which is not in memory
}

// Save writes the archive. A controller may run meanwhile.
func Save(ctx context.Context, source Source, out io.Writer) (Manifest, error) {
	record, err := readRecord(source.Layout)
	if err != nil {
		return Manifest{}, err
	}
	temporary, err := os.MkdirTemp(source.Temporary, ".kedge-backup-*")
	if err != nil {
		return Manifest{}, fmt.Errorf("make a directory for the database's copy: %w", err)
	}
	defer os.RemoveAll(temporary)
	// The database comes first: certificates that are newer than it do no harm.
	saved, err := saveDatabase(ctx, source, record, filepath.Join(temporary, "state.db"))
	if err != nil {
		return Manifest{}, err
	}
	entries, err := collect(source)
	if err != nil {
		return Manifest{}, err
	}
	entries = append(entries, saved...)
	m := Manifest{Format: format, Version: source.Version, Kubernetes: record.Kubernetes, Storage: record.Storage, Created: source.Now.UTC()}
	for _, entry := range entries {
		m.Files = append(m.Files, entry.File)
	}
	return m, writeArchive(out, m, entries)
}

func readRecord(l layout.Layout) (datadir.Record, error) {
	var record datadir.Record
	content, err := os.ReadFile(l.Record())
	if err == nil {
		err = json.Unmarshal(content, &record)
	}
	if err != nil {
		return record, fmt.Errorf("%s is no data directory of a controller: %w", l.DataDir, err)
	}
	if !record.Started {
		return record, fmt.Errorf("the controller in %s was never ready: there is nothing to save", l.DataDir)
	}
	return record, nil
}

func saveDatabase(ctx context.Context, source Source, record datadir.Record, to string) ([]entry, error) {
	if source.WithoutDatabase {
		return nil, nil
	}
	if record.Storage == string(argv.EtcdStorage) {
		return saveSnapshot(ctx, source, to)
	}
	path := source.Layout.DatabaseFile()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the database of this cluster (%s) is not in %s: save it with its own tools, and the rest with --without-database",
			record.Storage, source.Layout.DataDir)
	}
	if err != nil {
		return nil, err
	}
	if err := database.Copy(ctx, path, to); err != nil {
		return nil, err
	}
	return copyOf(to, File{Path: databaseName, Mode: info.Mode().Perm(), Owner: ownerOf(info)})
}

// copyOf is the entry of a copy, which is not read into memory.
func copyOf(path string, is File) ([]entry, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if is.SHA256, err = digest(file); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	is.Size = info.Size()
	return []entry{{File: is, from: path}}, nil
}

// collect reads all files but the database.
func collect(source Source) ([]entry, error) {
	var entries []entry
	add := func(path, from string) error {
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		sum, err := digest(bytes.NewReader(content))
		entries = append(entries, entry{
			File: File{Path: path, Mode: info.Mode().Perm(), Owner: ownerOf(info), Size: int64(len(content)), SHA256: sum}, content: content,
		})
		return err
	}
	l := source.Layout
	if err := add(recordName, l.Record()); err != nil {
		return nil, err
	}
	if source.Config != "" {
		if err := add("cluster.yaml", source.Config); err != nil {
			return nil, err
		}
	}
	for _, root := range []string{l.PKI(), l.Manifests()} {
		err := filepath.WalkDir(root, func(path string, found fs.DirEntry, err error) error {
			if err != nil || !found.Type().IsRegular() || filepath.Ext(path) == ".new" { // half of a file
				return err
			}
			relative, err := filepath.Rel(l.DataDir, path)
			if err != nil {
				return err
			}
			return add(filepath.ToSlash(relative), path)
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", root, err)
		}
	}
	return entries, nil
}

func ownerOf(info fs.FileInfo) string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return ""
	}
	if account, err := user.LookupId(strconv.FormatUint(uint64(owner.Uid), 10)); err == nil {
		return account.Username
	}
	return ""
}

func writeArchive(out io.Writer, m Manifest, entries []entry) error {
	encoded, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	compressed := gzip.NewWriter(out)
	archive := tar.NewWriter(compressed)
	first := entry{File: File{Path: manifestName, Mode: 0o600, Size: int64(len(encoded))}, content: encoded}
	for _, entry := range append([]entry{first}, entries...) {
		header := &tar.Header{Name: entry.Path, Mode: int64(entry.Mode), Size: entry.Size, Uname: entry.Owner, ModTime: m.Created}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("write %s into the archive: %w", entry.Path, err)
		}
		if err := entry.copyTo(archive); err != nil {
			return fmt.Errorf("write %s into the archive: %w", entry.Path, err)
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func (e entry) copyTo(out io.Writer) error {
	if e.from == "" {
		_, err := out.Write(e.content)
		return err
	}
	file, err := os.Open(e.from)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(out, file)
	return err
}
