package backup

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver, which kine links too
)

// copyDatabase copies a SQLite database of one moment while others write to it.
func copyDatabase(ctx context.Context, from, to string) error {
	// VACUUM INTO only reads. What writes meanwhile is not held up.
	source, err := open(from)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", from, err)
	}
	defer source.Close()
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy the database %s: %w", from, err)
	}
	return checkDatabase(ctx, to, from)
}

// checkDatabase finds a damage that was copied: no backup is better than one
// that nobody can use.
func checkDatabase(ctx context.Context, copied, from string) error {
	database, err := open(copied)
	if err != nil {
		return fmt.Errorf("open the copy of the database: %w", err)
	}
	defer database.Close()
	var verdict string
	if err := database.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check the copy of the database: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("the database %s is damaged (%s): an older backup may be sound", from, verdict)
	}
	return nil
}

func open(path string) (*sql.DB, error) {
	name := url.URL{Scheme: "file", Path: path, RawQuery: "mode=rw&_pragma=busy_timeout(30000)"}
	return sql.Open("sqlite", name.String())
}
