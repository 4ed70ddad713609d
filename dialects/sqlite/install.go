package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vantage-go/live/listen"
)

// NoTableError is returned for a table that cannot be captured.
type NoTableError struct {
	Table string
	Why   string
}

func (e *NoTableError) Error() string {
	return fmt.Sprintf("sqlite: table %q cannot be captured: %s", e.Table, e.Why)
}

// Install creates the log and the capture triggers of the named tables, or of
// all tables when none is named, in one transaction. What is there already is
// left alone, what is out of date is replaced. Every table whose triggers
// changed gets a mark on the whole table, so that other processes forget what
// they read while it was not captured. It returns the tables that it changed,
// or a [*NoTableError].
func Install(ctx context.Context, db *sql.DB, tables ...string) ([]string, error) {
	return install(ctx, db, false, tables)
}

// Uninstall drops the capture triggers of the named tables, or everything
// that Install created when none is named.
func Uninstall(ctx context.Context, db *sql.DB, tables ...string) error {
	return immediate(ctx, db, -1, func(tx *sql.Conn) error {
		s, err := loadSchema(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range s.tables {
			if len(tables) > 0 && !slices.Contains(tables, t.name) {
				continue
			}
			if err := t.drop(ctx, tx); err != nil {
				return err
			}
		}
		if len(tables) > 0 {
			return nil
		}
		for _, name := range []string{logTable, metaTable} {
			if _, err := tx.ExecContext(ctx, "DROP TABLE IF EXISTS main."+name); err != nil {
				return fmt.Errorf("sqlite: dropping %s: %w", name, err)
			}
		}
		return nil
	})
}

// TableStatus tells how one table is covered.
type TableStatus struct {
	Name    string
	Covered bool
	// Why says why the table is not covered.
	Why string
}

// Status tells how every table of the database is covered.
func Status(ctx context.Context, db *sql.DB) ([]TableStatus, error) {
	s, err := loadSchema(ctx, db)
	if err != nil {
		return nil, err
	}
	var all []TableStatus
	for _, t := range s.tables {
		why := t.uncovered(s.installed)
		all = append(all, TableStatus{Name: t.name, Covered: why == "", Why: why})
	}
	return all, nil
}

// install is Install. Auto is for the feed: it notes that tables created later
// are to be captured too, and does not wait for the write lock for long.
func install(ctx context.Context, db *sql.DB, auto bool, only []string) (changed []string, err error) {
	wait := time.Duration(-1)
	if auto {
		wait = installWait
	}
	err = immediate(ctx, db, wait, func(tx *sql.Conn) error {
		changed = nil
		for _, statement := range baseStatements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("sqlite: creating the change log: %w", err)
			}
		}
		if _, err := checkVersion(ctx, tx); err != nil {
			return err
		}
		if auto {
			if _, err := tx.ExecContext(ctx, "UPDATE main."+metaTable+" SET auto = 1 WHERE auto = 0"); err != nil {
				return fmt.Errorf("sqlite: creating the change log: %w", err)
			}
		}
		s, err := loadSchema(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.mustHold(only); err != nil {
			return err
		}
		var due []*table
		for _, t := range s.tables {
			if len(only) > 0 && !slices.Contains(only, t.name) || t.kind != "table" || t.uncovered(true) == "" {
				continue
			}
			due = append(due, t)
			changed = append(changed, t.name)
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
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// checkVersion returns an error if the log is not one of this layout.
func checkVersion(ctx context.Context, q querier) (auto bool, err error) {
	var version int
	err = q.QueryRowContext(ctx, "SELECT version, auto FROM main."+metaTable).Scan(&version, &auto)
	switch {
	case err != nil:
		return false, fmt.Errorf("sqlite: reading %s: %w", metaTable, err)
	case version != logVersion:
		return false, &listen.NoLogError{Why: fmt.Sprintf("the change log has layout %d, this program knows %d", version, logVersion)}
	}
	return auto, nil
}

// mustHold checks that the named tables can be captured.
func (s *schema) mustHold(names []string) error {
	for _, name := range names {
		i := slices.IndexFunc(s.tables, func(t *table) bool { return t.name == name })
		switch {
		case i < 0:
			return &NoTableError{Table: name, Why: "there is no such table"}
		case s.tables[i].kind != "table":
			return &NoTableError{Table: name, Why: "it is a " + s.tables[i].kind + " table"}
		}
	}
	return nil
}

// attach creates the capture triggers of t and marks the table.
func (t *table) attach(ctx context.Context, tx *sql.Conn) error {
	for _, c := range t.needs() {
		// One may stand on a table that had this name and is not due.
		if _, err := tx.ExecContext(ctx, "DROP TRIGGER IF EXISTS main."+quoteName(c.name)); err != nil {
			return fmt.Errorf("sqlite: dropping trigger %s: %w", c.name, err)
		}
		if _, err := tx.ExecContext(ctx, "CREATE TRIGGER main."+c.definition); err != nil {
			return fmt.Errorf("sqlite: creating trigger %s: %w", c.name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO main."+logTable+"(tbl, op) VALUES (?, ?)", t.name, opWhole); err != nil {
		return fmt.Errorf("sqlite: marking table %s: %w", t.name, err)
	}
	return nil
}

func (t *table) drop(ctx context.Context, tx *sql.Conn) error {
	for name := range t.captures {
		if _, err := tx.ExecContext(ctx, "DROP TRIGGER main."+quoteName(name)); err != nil {
			return fmt.Errorf("sqlite: dropping trigger %s: %w", name, err)
		}
	}
	return nil
}

// immediate runs f in a transaction that has the write lock from its start,
// so that what f reads is what it changes. It waits for the lock as db's
// connections do, or for wait unless that is negative.
func immediate(ctx context.Context, db *sql.DB, wait time.Duration, f func(*sql.Conn) error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if wait >= 0 {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", wait.Milliseconds())); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("sqlite: taking the write lock: %w", err)
	}
	if err := f(conn); err != nil {
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
