package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vantage-go/live/listen"
)

// Coverage is that of the dialects.
func Coverage(ctx context.Context, db *sql.DB) (*listen.Coverage, error) {
	var c *listen.Coverage
	err := newWorker(db, 0, 0, nil).reading(ctx, func(q querier) (err error) {
		c, err = coverage(ctx, q)
		return err
	})
	return c, err
}

func coverage(ctx context.Context, q querier) (*listen.Coverage, error) {
	s, err := loadSchema(ctx, q)
	if err != nil {
		return nil, err
	}
	c := &listen.Coverage{Installed: s.installed, Version: s.version, Current: layoutVersion, Later: s.later, Bell: s.bell, Forbidden: s.forbidden}
	if s.strange != "" {
		c.Forbidden = "use the schema livesql, which livesql has not made"
	}
	if s.installed && c.Forbidden == "" {
		if c.Rows, c.Oldest, err = logSize(ctx, q); err != nil {
			return nil, err
		}
	}
	for _, r := range s.relations {
		if r.kind != ordinaryTable && r.kind != partitionedTable {
			continue
		}
		why := r.uncaptured(s)
		c.Tables = append(c.Tables, listen.TableCoverage{Table: r.table, Covered: why == "", Why: why, Key: r.columns(), Whole: r.whole})
	}
	return c, nil
}

// logSize returns how many rows the log has, by the server's own statistics,
// and when the oldest was written.
func logSize(ctx context.Context, q querier) (rows int64, oldest time.Time, err error) {
	err = q.QueryRowContext(ctx, "SELECT coalesce(pg_stat_get_live_tuples('livesql.log'::regclass), 0)").Scan(&rows)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("postgres: measuring the change log: %w", err)
	}
	err = q.QueryRowContext(ctx, "SELECT at FROM livesql.log ORDER BY xid LIMIT 1").Scan(&oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, fmt.Errorf("postgres: looking for the oldest row of the change log: %w", err)
	}
	return rows, oldest, nil
}
