package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// noEtcdutl fails the restore of an archive that needs it.
func noEtcdutl([]string) error { return errors.New("there is no etcdutl") }

func TestSnapshotBecomesEtcdsFiles(t *testing.T) {
	staging := t.TempDir()
	write(t, filepath.Join(staging, snapshotName), "snapshot", 0o600)
	restored := func(args []string) error {
		if !slices.Contains(args, filepath.Join(staging, snapshotName)) {
			t.Errorf("arguments = %q", args)
		}
		write(t, filepath.Join(staging, "etcd.restored", "member", "snap", "db"), "database", 0o600)
		return nil
	}
	if err := restoreSnapshot(staging, restored); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(staging, "etcd", "member", "snap", "db")); string(content) != "database" {
		t.Errorf("database = %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(staging, snapshotName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the snapshot is still there: %v", err)
	}
}

func TestRefusedSnapshotIsTold(t *testing.T) {
	staging := t.TempDir()
	write(t, filepath.Join(staging, snapshotName), "snapshot", 0o600)
	if err := restoreSnapshot(staging, noEtcdutl); err == nil || !strings.Contains(err.Error(), "restore etcd's snapshot: there is no etcdutl") {
		t.Errorf("error = %v", err)
	}
}
