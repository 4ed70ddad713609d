package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// installTables creates the log and the capture triggers of the tables that
// options choose, in one transaction. Every table whose triggers changed gets a
// mark on the whole table, so that other processes forget what they read while
// it was not captured. Its errors are [*listen.TableError], or wrap
// [listen.ErrNoLog] for a log of another layout.
func installTables(ctx context.Context, db *sql.DB, options listen.InstallOptions) (changed []dialects.Table, err error) {
	err = immediate(ctx, db, options.Patience, options.Print, func(tx *script) error {
		changed = nil
		if options.Bell != "" && options.Bell != listen.BellPoll {
			return fmt.Errorf("sqlite: there is no bell %q: the file is asked whether it has changed", options.Bell)
		}
		s, err := loadSchema(ctx, tx.conn)
		if err != nil {
			return err
		}
		later := false
		if s.installed {
			m, err := loadMeta(ctx, tx.conn)
			if err != nil {
				return err
			}
			later = m.later
		} else {
			for _, statement := range baseStatements {
				if err := tx.exec(ctx, statement); err != nil {
					return fmt.Errorf("sqlite: creating the change log: %w", err)
				}
			}
		}
		if options.Later && !later {
			if err := tx.exec(ctx, "UPDATE main."+metaTable+" SET later = 1"); err != nil {
				return fmt.Errorf("sqlite: creating the change log: %w", err)
			}
		}
		due, err := s.due(options.Tables)
		if err != nil {
			return err
		}
		// First all old triggers: a table that was renamed keeps those with
		// the name that another may have now.
		for _, t := range due {
			if err := t.drop(ctx, tx); err != nil {
				return err
			}
		}
		for _, t := range due {
			if err := t.attach(ctx, tx); err != nil {
				return err
			}
			changed = append(changed, tableNamed(t.name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// uninstallTables drops the capture triggers of the chosen tables, or
// everything that installTables created when none is named.
func uninstallTables(ctx context.Context, db *sql.DB, options listen.UninstallOptions) error {
	return immediate(ctx, db, options.Patience, options.Print, func(tx *script) error {
		s, err := loadSchema(ctx, tx.conn)
		if err != nil {
			return err
		}
		for _, name := range options.Tables {
			if s.table(bareName(name)) == nil {
				return &listen.TableError{Table: name, Why: "there is no such table"}
			}
		}
		for _, t := range s.tables {
			if len(options.Tables) > 0 && !named(options.Tables, t) {
				continue
			}
			if err := t.drop(ctx, tx); err != nil {
				return err
			}
		}
		if len(options.Tables) > 0 || !s.installed {
			return nil
		}
		for _, name := range []string{logTable, metaTable} {
			if err := tx.exec(ctx, "DROP TABLE IF EXISTS main."+name); err != nil {
				return fmt.Errorf("sqlite: dropping %s: %w", name, err)
			}
		}
		return nil
	})
}

// due returns the tables of names, or all, whose triggers are missing or out
// of date.
func (s *schema) due(names []string) ([]*table, error) {
	for _, name := range names {
		switch t := s.table(bareName(name)); {
		case t == nil:
			return nil, &listen.TableError{Table: name, Why: "there is no such table"}
		case t.kind != "table":
			return nil, &listen.TableError{Table: name, Why: "it is a " + t.kind + " table"}
		case t.isLedger():
			return nil, &listen.TableError{Table: name, Why: t.uncovered(true)}
		}
	}
	var due []*table
	for _, t := range s.tables {
		if (len(names) == 0 || named(names, t)) && t.kind == "table" && !t.isLedger() && t.uncovered(true) != "" {
			due = append(due, t)
		}
	}
	return due, nil
}

func (s *schema) table(name string) *table {
	i := slices.IndexFunc(s.tables, func(t *table) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return s.tables[i]
}

// named reports whether names hold the table's.
func named(names []string, t *table) bool {
	return slices.ContainsFunc(names, func(name string) bool { return bareName(name) == t.name })
}

// bareName takes the name of the one schema that is captured off a name.
func bareName(name string) string { return strings.TrimPrefix(name, "main.") }

// meta is the row of the meta table.
type meta struct {
	// log is a random number that tells this log from others.
	log   int64
	later bool
}

// loadMeta returns an error that wraps [listen.ErrNoLog] if the log is not one
// of this layout.
func loadMeta(ctx context.Context, q querier) (m meta, err error) {
	version, err := loadVersion(ctx, q)
	if err != nil {
		return m, err
	}
	if version != logVersion {
		return m, &listen.NoLogError{Why: fmt.Sprintf("the change log has layout %d, this program knows %d", version, logVersion)}
	}
	if err := q.QueryRowContext(ctx, "SELECT log, later FROM main."+metaTable).Scan(&m.log, &m.later); err != nil {
		return m, fmt.Errorf("sqlite: reading %s: %w", metaTable, err)
	}
	return m, nil
}

func loadVersion(ctx context.Context, q querier) (version int, err error) {
	if err := q.QueryRowContext(ctx, "SELECT version FROM main."+metaTable).Scan(&version); err != nil {
		return 0, fmt.Errorf("sqlite: reading %s: %w", metaTable, err)
	}
	return version, nil
}

// attach creates the capture triggers of t and marks the table.
func (t *table) attach(ctx context.Context, tx *script) error {
	for _, c := range t.needs() {
		// One may stand on a table that had this name and is not due.
		if err := tx.exec(ctx, "DROP TRIGGER IF EXISTS main."+quoteName(c.name)); err != nil {
			return fmt.Errorf("sqlite: dropping trigger %s: %w", c.name, err)
		}
		if err := tx.exec(ctx, "CREATE TRIGGER main."+c.definition); err != nil {
			return fmt.Errorf("sqlite: creating trigger %s: %w", c.name, err)
		}
	}
	mark := fmt.Sprintf("INSERT INTO main.%s(tbl, op) VALUES (%s, '%s')", logTable, quoteText(t.name), opWhole)
	if err := tx.exec(ctx, mark); err != nil {
		return fmt.Errorf("sqlite: marking table %s: %w", t.name, err)
	}
	return nil
}

func (t *table) drop(ctx context.Context, tx *script) error {
	for _, name := range slices.Sorted(maps.Keys(t.captures)) {
		if err := tx.exec(ctx, "DROP TRIGGER main."+quoteName(name)); err != nil {
			return fmt.Errorf("sqlite: dropping trigger %s: %w", name, err)
		}
	}
	return nil
}

// script is a transaction that changes the schema, or only tells how it would.
type script struct {
	conn  *sql.Conn
	print func(string) // nil: do it
}

func (s *script) exec(ctx context.Context, statement string) error {
	if s.print != nil {
		s.print(statement)
		return nil
	}
	_, err := s.conn.ExecContext(ctx, statement)
	return err
}

// immediate runs f in a transaction that has the write lock from its start,
// so that what f reads is what it changes. It waits for the lock for patience,
// or for the default if that is zero; nobody waits behind it.
func immediate(ctx context.Context, db *sql.DB, patience time.Duration, tell func(string), f func(*script) error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if patience == 0 {
		patience = listen.DefaultPatience
	}
	restore, err := waits(ctx, conn, patience)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()
	if tell != nil {
		return printed(ctx, conn, tell, f)
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("sqlite: taking the write lock: %w", err)
	}
	if err := f(&script{conn: conn}); err != nil {
		// The transaction must not stay open on a pooled connection, even
		// when ctx is done.
		_, rerr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, rerr)
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		_, rerr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return fmt.Errorf("sqlite: committing: %w", errors.Join(err, rerr))
	}
	return nil
}

// waits sets how long the connection waits for locks. The connection belongs
// to a pool that may be the caller's: restore sets it back.
func waits(ctx context.Context, conn *sql.Conn, d time.Duration) (restore func() error, err error) {
	var before int64
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&before); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	set := func(ctx context.Context, ms int64) error {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", ms)); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
		return nil
	}
	return func() error { return set(context.WithoutCancel(ctx), before) }, set(ctx, d.Milliseconds())
}

// printed tells what f would do to the database as it is now.
func printed(ctx context.Context, conn *sql.Conn, tell func(string), f func(*script) error) error {
	var statements []string
	if err := f(&script{conn: conn, print: func(s string) { statements = append(statements, s) }}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil || len(statements) == 0 {
		return err
	}
	tell("BEGIN IMMEDIATE")
	for _, statement := range statements {
		tell(statement)
	}
	tell("COMMIT")
	return nil
}
