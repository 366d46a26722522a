// Package database knows the file in which kine keeps the state when no server
// does: SQLite's.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the driver, which kine links too
)

// Copy copies a database of one moment while others write to it.
func Copy(ctx context.Context, from, to string) error {
	// VACUUM INTO only reads. What writes meanwhile is not held up.
	source, err := open(from)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", from, err)
	}
	defer source.Close()
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy the database %s: %w", from, err)
	}
	// No backup is better than one that nobody can use.
	if damage := damageOf(ctx, to); damage != nil {
		return fmt.Errorf("the database %s is damaged (%w): an older backup may be sound", from, damage)
	}
	return nil
}

// Check finds damage before somebody works with the database; a file that is not
// there is none. All of it is read only when its last user did not close it:
// after a power failure, say.
func Check(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return damageOf(ctx, path)
	}
	database, err := open(path)
	if err != nil {
		return err
	}
	defer database.Close()
	var objects int
	return database.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&objects)
}

func damageOf(ctx context.Context, path string) error {
	database, err := open(path)
	if err != nil {
		return err
	}
	defer database.Close()
	var verdict string
	if err := database.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	return nil
}

func open(path string) (*sql.DB, error) {
	name := url.URL{Scheme: "file", Path: path, RawQuery: "mode=rw&_pragma=busy_timeout(30000)"}
	return sql.Open("sqlite", name.String())
}
