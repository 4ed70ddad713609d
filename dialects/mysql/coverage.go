package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vantage-go/live/listen"
)

// Coverage tells what is installed, and how every table is covered. What it
// cannot see without the TRIGGER right it takes for missing. That a table is
// covered does not include TRUNCATE by others, unless the feed's account has
// the PROCESS right: see Diagnose.
func (Dialect) Coverage(ctx context.Context, db *sql.DB) (_ *listen.Coverage, err error) {
	s, err := openSession(ctx, db, 0, 0, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	on, err := loadSchema(ctx, s.conn, s.server)
	if err != nil {
		return nil, err
	}
	c := &listen.Coverage{
		Installed: on.installed, Version: on.version, Current: logVersion,
		Later: on.later, Bell: listen.BellPoll,
	}
	if on.installed {
		if c.Rows, c.Oldest, err = on.extent(ctx, s.conn); err != nil {
			return nil, err
		}
	}
	for _, t := range on.tables {
		covered := listen.TableCoverage{Table: on.tableNamed(t.name), Why: on.uncovered(t), Whole: whyWhole(t.key)}
		covered.Covered = covered.Why == ""
		if covered.Whole == "" {
			for _, k := range t.key {
				covered.Key = append(covered.Key, k.name)
			}
		}
		c.Tables = append(c.Tables, covered)
	}
	return c, nil
}

// extent returns how many rows the log has, by the server's estimate, and when
// the oldest of those that have a batch got it.
func (s *schema) extent(ctx context.Context, q querier) (rows int64, oldest time.Time, err error) {
	err = one(ctx, q, "SELECT COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE "+s.in("TABLE_SCHEMA")+" AND TABLE_NAME = "+quoteText(logTable), &rows)
	if err != nil {
		return 0, oldest, fmt.Errorf("mysql: measuring the change log: %w", err)
	}
	var at sql.NullFloat64
	err = one(ctx, q, "SELECT UNIX_TIMESTAMP(at) FROM "+logTable+" WHERE batch IS NOT NULL ORDER BY batch LIMIT 1", &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return rows, oldest, nil
	case err != nil:
		return 0, oldest, fmt.Errorf("mysql: measuring the change log: %w", err)
	}
	if at.Valid {
		oldest = time.UnixMilli(int64(at.Float64 * 1000))
	}
	return rows, oldest, nil
}
