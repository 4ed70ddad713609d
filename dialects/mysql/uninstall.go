package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/vantage-go/live/listen"
)

// Uninstall drops the capture triggers of the chosen tables, or of all of them
// and then the log: it stays when a trigger could not be dropped, since the
// writes of that table need it. Triggers that the account is not shown are
// dropped by their names.
func (Dialect) Uninstall(ctx context.Context, db *sql.DB, options listen.UninstallOptions) (err error) {
	s, err := openSession(ctx, db, options.LockTimeout, options.Patience, options.Print)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.exclusive(ctx); err != nil {
		return err
	}
	on, err := readForRemoval(ctx, s)
	if err != nil {
		return err
	}
	targets := on.tables
	if len(options.Tables) > 0 {
		targets = nil
		for _, name := range options.Tables {
			t := on.named(name)
			if t == nil {
				return &listen.TableError{Table: name, Why: "there is no such table in " + s.server.database}
			}
			targets = append(targets, t)
		}
	}
	var failures []error
	found := make(map[string]bool)
	for _, t := range targets {
		for _, c := range t.found {
			found[c.name] = true
			if err := s.exec(ctx, "DROP TRIGGER IF EXISTS "+quoteName(c.name)); err != nil {
				failures = append(failures, fmt.Errorf("mysql: dropping trigger %s of table %s: %w", c.name, t.name, err))
			}
		}
	}
	if len(options.Tables) == 0 {
		hidden, err := hiddenTriggers(ctx, s, found)
		if err != nil {
			return err
		}
		for _, name := range hidden {
			if err := s.exec(ctx, "DROP TRIGGER IF EXISTS "+quoteName(name)); err != nil {
				failures = append(failures, fmt.Errorf("mysql: dropping trigger %s: %w", name, err))
			}
		}
	}
	if len(failures) > 0 || len(options.Tables) > 0 {
		return errors.Join(failures...)
	}
	if s.server.maria {
		// Whoever may not drop it did not create it.
		if err := s.exec(ctx, "DROP FUNCTION IF EXISTS "+tidyFunction); err != nil && !failed(err, errRoutineAccess) {
			return fmt.Errorf("mysql: dropping function %s: %w", tidyFunction, err)
		}
	}
	for _, name := range slices.Backward(ownTables) {
		if err := s.exec(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
			return fmt.Errorf("mysql: dropping %s: %w", name, err)
		}
	}
	return nil
}

// hiddenTriggers returns the names of the triggers that may be there without
// this account being shown them, for want of the TRIGGER right. To drop one
// that is there then fails.
func hiddenTriggers(ctx context.Context, s *session, found map[string]bool) ([]string, error) {
	var names []string
	err := each(ctx, s.conn, "SELECT id FROM "+tablesTable, func(scan scanFunc) error {
		var id uint32
		if err := scan(&id); err != nil {
			return err
		}
		for _, suffix := range suffixes {
			if name := captureName(id, suffix); !found[name] {
				names = append(names, name)
			}
		}
		return nil
	})
	if err != nil && !failed(err, errNoSuchTable) {
		return nil, fmt.Errorf("mysql: reading which tables are captured: %w", err)
	}
	return names, nil
}

// readForRemoval reads tables and triggers, of whatever version the log is.
func readForRemoval(ctx context.Context, s *session) (*schema, error) {
	on := &schema{server: s.server}
	for _, load := range []func(context.Context, querier) error{on.loadTables, on.loadTriggers} {
		if err := load(ctx, s.conn); err != nil {
			return nil, fmt.Errorf("mysql: reading the schema: %w", err)
		}
	}
	return on, nil
}
