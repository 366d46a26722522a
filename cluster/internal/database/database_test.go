package database

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filled makes a database of several pages; its log stays when it is not closed.
func filled(t *testing.T, isClosed bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	made, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE kine (id INTEGER PRIMARY KEY, value BLOB)", "CREATE INDEX kine_value ON kine (value)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 200) INSERT INTO kine SELECT i, randomblob(500) FROM n",
		"PRAGMA wal_checkpoint(TRUNCATE)", "INSERT INTO kine VALUES (1000, 'in the log')",
	} {
		if _, err := made.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if isClosed {
		if err := made.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Cleanup(func() { _ = made.Close() })
	}
	return path
}

func overwrite(t *testing.T, path string, at, length int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte(strings.Repeat("x", int(length))), at); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	const page = 4096
	for name, test := range map[string]struct {
		isClosed   bool
		at, length int64
		want       string // empty: nothing is found
	}{
		"sound":                       {isClosed: true},
		"sound, not closed":           {},
		"no database":                 {isClosed: true, length: page, want: "not a database"},
		"a page, not closed":          {at: 8 * page, length: 20 * page, want: "Tree"},
		"a page that closing read":    {isClosed: true, at: 8 * page, length: 20 * page},
		"the catalogue of the tables": {isClosed: true, at: 100, length: page - 100, want: "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, test.isClosed)
			if test.length > 0 {
				overwrite(t, path, test.at, test.length)
			}
			err := Check(context.Background(), path)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
		})
	}
}

func TestCheckOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := Check(context.Background(), path); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
}
