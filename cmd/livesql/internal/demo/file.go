package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vantage-go/live/internal/sampledata"
	"github.com/vantage-go/live/livesql"
)

// sample is what the database of the demo holds.
type sample struct {
	tables []string
	rows   int
}

// withPragmas adds to a DSN what SQLite leaves to each connection: to enforce
// foreign keys, and how often to wait for the disk.
func withPragmas(dsn string) string {
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	dsn += separator + "_pragma=foreign_keys(1)"
	if !strings.Contains(dsn, "synchronous") {
		// With the write-ahead log this loses, at worst, the last commits
		// before a power failure.
		dsn += "&_pragma=synchronous(NORMAL)"
	}
	return dsn
}

// plainDSN is how the demo opens the file with the plain driver. It waits for
// locks as livesql's connections do.
func plainDSN(path string) string { return path + "?_pragma=busy_timeout(5000)" }

// load fills the database at dsn with the sample data if it is empty, over
// the plain driver, and sets path and database.
func (s *show) load(ctx context.Context, dsn string) (data sample, err error) {
	if s.path, err = fileOf(ctx, dsn); err != nil {
		return data, err
	}
	if s.database, err = sql.Open("sqlite", plainDSN(s.path)); err != nil {
		return data, fmt.Errorf("opening the database of the demo: %w", err)
	}
	// With the write-ahead log, readers and the writer do not wait for each
	// other. The file remembers it.
	if _, err := s.database.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return data, fmt.Errorf("opening the database of the demo: %w", err)
	}
	tables, err := tablesOf(ctx, s.database)
	if err != nil {
		return data, err
	}
	if len(tables) == 0 {
		if err := sampledata.Load(ctx, s.database, sampledata.SQLite); err != nil {
			return data, err
		}
		if tables, err = tablesOf(ctx, s.database); err != nil {
			return data, err
		}
	}
	if want := slices.Sorted(slices.Values(sampledata.Tables())); !slices.Equal(tables, want) {
		return data, fmt.Errorf("the database of the demo, %s, holds other tables (%s): name a new file", s.path, strings.Join(tables, ", "))
	}
	data.tables = tables
	for _, table := range tables {
		var n int
		if err := s.database.QueryRowContext(ctx, "SELECT count(*) FROM "+quote(table)).Scan(&n); err != nil {
			return data, fmt.Errorf("counting the rows of %s: %w", table, err)
		}
		data.rows += n
	}
	return data, nil
}

// fileOf returns the path of the file that dsn names. A handle that is
// switched off passes everything through, and knows how to read the DSN.
func fileOf(ctx context.Context, dsn string) (path string, err error) {
	db, err := livesql.Open(ctx, "sqlite", dsn, livesql.Off())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return "", fmt.Errorf("looking for the file of the demo: %w", err)
	}
	if path == "" {
		return "", errors.New("the demo needs a database file: another process is going to write to it")
	}
	return path, nil
}

// tablesOf returns the names of the tables that are neither SQLite's nor
// livesql's.
func tablesOf(ctx context.Context, db *sql.DB) ([]string, error) {
	found, err := rowsOf(ctx, db, `SELECT name FROM pragma_table_list
		WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'livesql\_%' ESCAPE '\'
		ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("listing the tables: %w", err)
	}
	var tables []string
	for _, row := range found {
		tables = append(tables, fmt.Sprint(row[0]))
	}
	return tables, nil
}

// quote quotes an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
