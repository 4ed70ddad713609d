package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

var _ listen.Capturer = Dialect{}

// Install creates the log and the capture triggers, in one transaction. There
// is no bell, and LockTimeout means nothing: a writer of SQLite never waits
// behind one that waits.
func (Dialect) Install(ctx context.Context, db *sql.DB, options listen.InstallOptions) ([]dialects.Table, error) {
	return installTables(ctx, db, options)
}

// Uninstall removes what Install created, in one transaction.
func (Dialect) Uninstall(ctx context.Context, db *sql.DB, options listen.UninstallOptions) error {
	return uninstallTables(ctx, db, options)
}

// Coverage tells what is installed. The log keeps no times: Oldest is zero.
func (Dialect) Coverage(ctx context.Context, db *sql.DB) (_ *listen.Coverage, err error) {
	// One transaction, so that all of it is true at once.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("sqlite: opening a snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	s, err := loadSchema(ctx, tx)
	if err != nil {
		return nil, err
	}
	c := &listen.Coverage{Installed: s.installed, Current: logVersion, Bell: listen.BellPoll}
	if s.installed {
		if err := readLog(ctx, tx, c); err != nil {
			return nil, err
		}
	}
	for _, t := range s.tables {
		why := t.uncovered(s.installed)
		covered := listen.TableCoverage{Table: tableNamed(t.name), Covered: why == "", Why: why}
		switch {
		case t.kind != "table":
		case len(t.key) == 0:
			covered.Whole = "it has no primary key"
		case t.keys().whole:
			covered.Whole = "which rows a REPLACE deletes cannot be told from its unique indexes"
		default:
			covered.Key = t.key
		}
		c.Tables = append(c.Tables, covered)
	}
	return c, nil
}

func readLog(ctx context.Context, q querier, c *listen.Coverage) (err error) {
	if c.Version, err = loadVersion(ctx, q); err != nil {
		return err
	}
	if err := q.QueryRowContext(ctx, "SELECT count(*) FROM main."+logTable).Scan(&c.Rows); err != nil {
		return fmt.Errorf("sqlite: reading the change log: %w", err)
	}
	if c.Version != logVersion {
		return nil
	}
	m, err := loadMeta(ctx, q)
	c.Later = m.later
	return err
}

// Diagnose looks at the database and at how db's connections are set up.
func (d Dialect) Diagnose(ctx context.Context, db *sql.DB) ([]listen.Finding, error) {
	var findings []listen.Finding
	add := func(g listen.Grade, do, format string, args ...any) {
		findings = append(findings, listen.Finding{Grade: g, What: fmt.Sprintf(format, args...), Do: do})
	}
	_, err := locate(ctx, db)
	if off := (*listen.NoLogError)(nil); errors.As(err, &off) {
		add(listen.Problem, "Use a database file that all connections share, in its default locking mode.", "There can be no change feed: %s.", off.Why)
		return findings, nil
	}
	if err != nil {
		return nil, err
	}
	add(listen.Fine, "", "The database is a file, in which changes can be followed.")
	var journal string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if journal != "wal" {
		add(listen.Warning, "Switch to write-ahead logging: PRAGMA journal_mode = WAL.", "The journal mode is %s: the feed's polls and the program's writes wait for each other.", journal)
	}
	c, err := d.Coverage(ctx, db)
	if err != nil {
		return nil, err
	}
	return append(findings, c.Findings()...), nil
}
