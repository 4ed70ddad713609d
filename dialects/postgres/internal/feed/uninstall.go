package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/wait"
	"github.com/vantage-go/live/listen"
)

// Uninstall is that of the dialects. It drops the triggers of each table
// in a transaction of its own, as install creates them, and the log last.
func Uninstall(ctx context.Context, db *sql.DB, options listen.UninstallOptions) error {
	w := newWorker(db, options.LockTimeout, options.Patience, options.Print)
	s, err := w.load(ctx)
	if err != nil {
		return err
	}
	if err := s.checkLayout(); err != nil {
		return err
	}
	if _, err := s.captured(options.Tables); err != nil {
		return err
	}
	if len(options.Tables) == 0 && s.later {
		if err := w.patiently(ctx, "the change log", func() error { return w.transaction(ctx, noLater) }); err != nil {
			return fmt.Errorf("postgres: removing the change log: %w", err)
		}
		if w.print == nil {
			if s, err = w.load(ctx); err != nil { // what they have attached until then
				return err
			}
		}
	}
	if err := w.detachAll(ctx, s, options.Tables); err != nil {
		return err
	}
	last := w.dropUnused
	if len(options.Tables) == 0 {
		last = w.dropLog
	}
	err = w.patiently(ctx, "the change log", func() error {
		return w.transaction(ctx, func(ctx context.Context, tx *work) error { return last(ctx, tx, options.Tables) })
	})
	if err != nil {
		return fmt.Errorf("postgres: removing the change log: %w", err)
	}
	return nil
}

// noLater has handles install no more: they would put back what is dropped.
func noLater(ctx context.Context, tx *work) error {
	return tx.exec(ctx, "UPDATE livesql.meta SET later = false")
}

// captured returns the tables that have triggers of livesql among those that
// names stand for and the ones below them, or among all.
func (s *schema) captured(names []string) ([]*relation, error) {
	set := make(map[*relation]bool)
	var refused []error
	for _, name := range names {
		found := s.find(name)
		if len(found) == 0 {
			refused = append(refused, &listen.TableError{Table: name, Why: "there is no such table"})
		}
		for _, r := range found {
			r.addTree(set)
		}
	}
	var all []*relation
	for _, r := range s.relations {
		if r.hasCaptures() && (len(names) == 0 || set[r]) {
			all = append(all, r)
		}
	}
	return all, errors.Join(refused...)
}

// addTree adds r and all below it.
func (r *relation) addTree(set map[*relation]bool) {
	set[r] = true
	for _, child := range r.children {
		child.addTree(set)
	}
}

func (w *worker) detachAll(ctx context.Context, s *schema, names []string) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		due, err := s.captured(names)
		if err != nil || len(due) == 0 {
			return err
		}
		busy := make(map[dialects.Table]error)
		for _, r := range due {
			err := w.transaction(ctx, func(ctx context.Context, tx *work) error {
				for _, name := range r.captureNames() {
					if err := tx.exec(ctx, r.dropTrigger(name)); err != nil {
						return err
					}
				}
				return nil
			})
			switch {
			case err == nil:
			case ctx.Err() == nil && (isBusy(err) || isGone(err)):
				busy[r.table] = err
			default:
				return fmt.Errorf("postgres: dropping the triggers of table %s: %w", r.table, err)
			}
		}
		if w.print != nil || len(busy) == 0 {
			return nil
		}
		if time.Now().After(w.deadline) {
			first := slices.SortedFunc(maps.Keys(busy), dialects.Table.Compare)[0]
			return fmt.Errorf("postgres: dropping the triggers of table %s: its lock was not to be had within %v: %w", first, w.patience, busy[first])
		}
		if err := wait.For(ctx, pause); err != nil {
			return err
		}
		if s, err = w.load(ctx); err != nil {
			return err
		}
	}
}

// dropLog drops everything in the schema livesql that install created. What
// others have put there, or made depend on it, makes it fail.
func (w *worker) dropLog(ctx context.Context, tx *work, _ []string) error {
	s, err := loadSchema(ctx, tx.q)
	if err != nil || !s.installed {
		return err
	}
	if err := tx.exec(ctx, "DROP TABLE livesql.log, livesql.epoch, livesql.meta"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.captures)) {
		if err := tx.exec(ctx, "DROP FUNCTION livesql."+quoteName(name)); err != nil {
			return err
		}
	}
	return tx.exec(ctx, "DROP SCHEMA livesql")
}

// dropUnused drops the capture functions that no trigger calls any more.
func (w *worker) dropUnused(ctx context.Context, tx *work, names []string) error {
	s, err := loadSchema(ctx, tx.q)
	if err != nil {
		return err
	}
	used := make(map[string]bool)
	gone, err := s.captured(names)
	if err != nil {
		return err
	}
	for _, r := range s.relations {
		if w.print != nil && slices.Contains(gone, r) {
			continue // its triggers are only printed to be dropped
		}
		for _, t := range r.triggers {
			used[t.function] = used[t.function] || t.ours()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.captures)) {
		if isCapture(name) && !used[name] {
			if err := tx.exec(ctx, "DROP FUNCTION livesql."+quoteName(name)); err != nil {
				return err
			}
		}
	}
	return nil
}
