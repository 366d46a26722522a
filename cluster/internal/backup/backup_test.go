package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kedge/internal/datadir"
	"kedge/internal/layout"
)

const kubernetes = "v1.37.2"

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// cluster makes a data directory as a controller leaves it, with a database
// that is open and has a row in its write-ahead log.
func cluster(t *testing.T, record datadir.Record) (layout.Layout, *sql.DB) {
	t.Helper()
	l := layout.Layout{DataDir: t.TempDir()}
	encoded, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	write(t, l.Record(), string(encoded), 0o600)
	write(t, l.Certificate("ca"), "certificate", 0o644)
	write(t, l.Pair("etcd/ca").Key, "key", 0o600)
	write(t, l.Pair("half").Key+".new", "half", 0o600)
	write(t, filepath.Join(l.Manifests(), "shop", "a.yaml"), "manifest", 0o644)
	write(t, filepath.Join(l.DataDir, "kedge.lock"), "", 0o600)
	write(t, filepath.Join(l.DataDir, "helpers", "large"), "not saved", 0o600)
	write(t, l.DatabaseFile(), "", 0o600)
	database, err := sql.Open("sqlite", l.DatabaseFile())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	for _, statement := range []string{
		"PRAGMA journal_mode=WAL", "CREATE TABLE kine (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)", "INSERT INTO kine (name) VALUES ('kept')",
	} {
		if _, err := database.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return l, database
}

func started() datadir.Record {
	return datadir.Record{Format: 1, Kubernetes: kubernetes, UID: os.Geteuid(), Storage: "kine", Started: true}
}

func source(l layout.Layout) Source {
	return Source{Layout: l, Version: "v1.0.0", Now: time.Unix(1767225600, 0)}
}

func save(t *testing.T, l layout.Layout) []byte {
	t.Helper()
	var archive bytes.Buffer
	if _, err := Save(t.Context(), source(l), &archive); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func here() datadir.Record { return datadir.Record{Kubernetes: kubernetes, UID: 4711} }

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		relative, _ := filepath.Rel(dir, path)
		found[relative] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRestoreHasWhatWasSavedWhileOthersWrote(t *testing.T) {
	l, database := cluster(t, started())
	write(t, filepath.Join(l.DataDir, "my.yaml"), "kind: ClusterConfig", 0o644)
	from := source(l)
	from.Config = filepath.Join(l.DataDir, "my.yaml")
	var archive bytes.Buffer
	if _, err := Save(t.Context(), from, &archive); err != nil {
		t.Fatal(err)
	}
	if _, err := database.Exec("INSERT INTO kine (name) VALUES ('later')"); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new", "data")
	if _, err := Restore(&archive, to, here(), noEtcdutl); err != nil {
		t.Fatal(err)
	}
	found := contents(t, to)
	for path, want := range map[string]string{
		"pki/ca.crt": "certificate", "pki/etcd/ca.key": "key", "manifests/shop/a.yaml": "manifest", "cluster.yaml": "kind: ClusterConfig",
	} {
		if found[path] != want {
			t.Errorf("%s = %q; want %q", path, found[path], want)
		}
	}
	if len(found) != 7 { // with the record, the database and the lock
		t.Errorf("files = %d: %v", len(found), found)
	}
	var record datadir.Record
	if err := json.Unmarshal([]byte(found[recordName]), &record); err != nil || record.UID != 4711 || !record.Started {
		t.Errorf("record = %+v, %v; it must be a started one of who restored", record, err)
	}
	info, err := os.Stat(filepath.Join(to, "pki/etcd/ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", info, err)
	}
	restored, err := sql.Open("sqlite", layout.Layout{DataDir: to}.DatabaseFile())
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	var names string
	if err := restored.QueryRow("SELECT group_concat(name) FROM kine").Scan(&names); err != nil || names != "kept" {
		t.Errorf("rows = %q, %v", names, err)
	}
}

func TestSaveRefuses(t *testing.T) {
	fresh, etcd := started(), started()
	fresh.Started = false
	etcd.Storage = "etcd"
	for name, test := range map[string]struct {
		record datadir.Record
		damage func(t *testing.T, l layout.Layout)
		want   string
	}{
		"a cluster that never was":     {fresh, func(*testing.T, layout.Layout) {}, "was never ready"},
		"etcd":                         {etcd, func(*testing.T, layout.Layout) {}, "read etcd's authority"},
		"a directory of something":     {started(), func(_ *testing.T, l layout.Layout) { os.Remove(l.Record()) }, "no data directory of a controller"},
		"a database that is elsewhere": {started(), func(_ *testing.T, l layout.Layout) { os.RemoveAll(l.Database()) }, "--without-database"},
		"a damaged database": {started(), func(t *testing.T, l layout.Layout) {
			os.RemoveAll(l.Database())
			write(t, l.DatabaseFile(), strings.Repeat("no database ", 1000), 0o600)
		}, "file is not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := cluster(t, test.record)
			test.damage(t, l)
			var archive bytes.Buffer
			_, err := Save(t.Context(), source(l), &archive)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if archive.Len() > 0 {
				t.Error("something was written")
			}
		})
	}
}

// repack changes an archive's list, or its files.
func repack(t *testing.T, archive []byte, change func(*Manifest, map[string][]byte)) []byte {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	reader := tar.NewReader(compressed)
	files := make(map[string][]byte)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
	var m Manifest
	if err := json.Unmarshal(files[manifestName], &m); err != nil {
		t.Fatal(err)
	}
	change(&m, files)
	var entries []entry
	for _, file := range m.Files {
		if content, found := files[file.Path]; found {
			file.Size = int64(len(content))
			entries = append(entries, entry{File: file, content: content})
		}
	}
	var out bytes.Buffer
	if err := writeArchive(&out, m, entries); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRestoreRefusesAndLeavesNothing(t *testing.T) {
	l, _ := cluster(t, started())
	good := save(t, l)
	at := func(m *Manifest, path string) int {
		return slices.IndexFunc(m.Files, func(f File) bool { return f.Path == path })
	}
	for name, test := range map[string]struct {
		archive []byte
		now     datadir.Record
		want    string
	}{
		"something else":  {[]byte("tar"), here(), "it is no archive"},
		"half of it":      {good[:len(good)/2], here(), "damaged"},
		"all but its end": {good[:len(good)-4], here(), "damaged"},
		"a changed key":   {repack(t, good, func(_ *Manifest, files map[string][]byte) { files["pki/etcd/ca.key"] = []byte("kez") }), here(), "pki/etcd/ca.key has the digest"},
		"one file less":   {repack(t, good, func(_ *Manifest, files map[string][]byte) { delete(files, "pki/ca.crt") }), here(), "where pki/ca.crt should be"},
		"a path that leads out": {repack(t, good, func(m *Manifest, files map[string][]byte) {
			m.Files[at(m, "pki/ca.crt")].Path = "pki/../../ca.crt"
			files["pki/../../ca.crt"] = files["pki/ca.crt"]
		}), here(), "no file of a data directory"},
		"a file of another place": {repack(t, good, func(m *Manifest, files map[string][]byte) {
			m.Files[at(m, "pki/ca.crt")].Path = "helpers/runc"
			files["helpers/runc"] = files["pki/ca.crt"]
		}), here(), "no file of a data directory"},
		"a setuid file": {repack(t, good, func(m *Manifest, _ map[string][]byte) { m.Files[0].Mode |= os.ModeSetuid }), here(), "no ordinary file"},
		"a file twice":  {repack(t, good, func(m *Manifest, _ map[string][]byte) { m.Files = append(m.Files, m.Files[0]) }), here(), "twice"},
		"no record": {repack(t, good, func(m *Manifest, _ map[string][]byte) {
			m.Files = slices.Delete(m.Files, at(m, recordName), at(m, recordName)+1)
		}), here(), "lacks what the data directory says"},
		"a newer format":     {repack(t, good, func(m *Manifest, _ map[string][]byte) { m.Format = 2 }), here(), "kedge v1.0.0 made it in format 2"},
		"a newer Kubernetes": {good, datadir.Record{Kubernetes: "v1.36.0"}, "Kubernetes v1.37.2 wrote into it"},
	} {
		t.Run(name, func(t *testing.T) {
			to := t.TempDir()
			_, err := Restore(bytes.NewReader(test.archive), to, test.now, noEtcdutl)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if left := contents(t, to); len(left) != 1 { // the lock
				t.Errorf("left = %v", left)
			}
			if _, err := Restore(bytes.NewReader(good), to, here(), noEtcdutl); err != nil {
				t.Errorf("the same directory does not take a good one: %v", err)
			}
		})
	}
}

func TestRestoreTouchesNoDirectoryInUse(t *testing.T) {
	l, _ := cluster(t, started())
	good := save(t, l)
	before := contents(t, l.DataDir)
	_, err := Restore(bytes.NewReader(good), l.DataDir, here(), noEtcdutl)
	if err == nil || !strings.Contains(err.Error(), "it is not empty") {
		t.Errorf("error = %v", err)
	}
	if after := contents(t, l.DataDir); len(after) != len(before) {
		t.Errorf("files = %v", after)
	}
	to := t.TempDir()
	lock, err := datadir.Lock(to)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := Restore(bytes.NewReader(good), to, here(), noEtcdutl); err == nil || !strings.Contains(err.Error(), "another kedge uses it") {
		t.Errorf("error = %v", err)
	}
}

func TestDatabaseComesLast(t *testing.T) {
	staging, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"db/state.db", "manifests/a", "pki/ca.crt", recordName} {
		write(t, filepath.Join(staging, name), "x", 0o600)
	}
	write(t, filepath.Join(to, "manifests", "in the way"), "x", 0o600)
	if err := moveAll(staging, to); err == nil || !strings.Contains(err.Error(), "is not complete") {
		t.Errorf("error = %v", err)
	}
	found := contents(t, to)
	if found[recordName] == "" || found["pki/ca.crt"] == "" || found[databaseName] != "" {
		t.Errorf("files = %v", found)
	}
}
