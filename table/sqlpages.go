package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/vantage-go/live/dialects"
)

// sqlPages reads a set in an order, in a snapshot.
type sqlPages[K comparable, T any] struct {
	snapshot[K]
	source *sqlSource[K, T]
	order  *ordering
}

// Sorted prepares the order. What the columns are like, it asks the database again when
// the schema has changed: one may have NULLs by then, or texts.
func (s *sqlSource[K, T]) Sorted(ctx context.Context, columns []string, collated bool) (func(context.Context) (Pages[K, T], error), error) {
	first, err := s.ordering(ctx, columns, collated)
	if err != nil {
		return nil, err
	}
	var known atomic.Pointer[ordering]
	known.Store(first)
	return func(ctx context.Context) (Pages[K, T], error) {
		if s.on != nil {
			if err := s.on.look(ctx); err != nil {
				return nil, err
			}
		}
		order := known.Load()
		if order.version != s.db.schemaVersion() {
			next, err := s.ordering(ctx, columns, collated)
			if err != nil {
				return nil, err
			}
			known.Store(next)
			order = next
		}
		shot, err := openSnapshot(ctx, s.db, s.on, s.keyFrom)
		if err != nil {
			return nil, err
		}
		return &sqlPages[K, T]{snapshot: shot, source: s, order: order}, nil
	}, nil
}

// shares returns what windows on a database share with its queries.
func (s *sqlSource[K, T]) shares() *budget { return &s.db.budget }

// ordering makes the order of columns, and then of the key.
func (s *sqlSource[K, T]) ordering(ctx context.Context, columns []string, collated bool) (*ordering, error) {
	by, err := s.schema.sorts(columns)
	if err != nil {
		return nil, err
	}
	version := s.db.schemaVersion() // before the columns: what changes meanwhile is another one
	known, err := s.db.orderColumns(ctx, s.name)
	if err != nil {
		return nil, err
	}
	o := &ordering{version: version, anchors: s.db.asks() && !s.schema.unproven}
	for _, b := range by {
		f := &s.schema.plan.Fields()[b.field]
		c := orderColumn{nullable: true}
		if found, ok := find(known, f.Name); ok {
			c = found
		}
		t := term{expr: quote(s.db.Flavor, f.Name), descending: b.descending, nullable: c.nullable && !slices.Contains(s.schema.keys, b.field)}
		if c.text && !collated {
			t.expr = bytewise(s.db.Flavor, t.expr)
		}
		o.anchors = o.anchors && !t.nullable
		o.terms = append(o.terms, t)
	}
	return o, nil
}

// find looks for a column by its name, in whatever case.
func find(known map[string]orderColumn, name string) (orderColumn, bool) {
	if c, ok := known[name]; ok {
		return c, true
	}
	for other, c := range known {
		if strings.EqualFold(other, name) {
			return c, true
		}
	}
	return orderColumn{}, false
}

// bytewise returns what orders texts by their bytes.
func bytewise(flavor dialects.Flavor, column string) string {
	switch flavor {
	case dialects.Postgres:
		return column + ` COLLATE "C"`
	case dialects.MySQL:
		return "CAST(CONVERT(" + column + " USING utf8mb4) AS BINARY)"
	default:
		return column + " COLLATE BINARY"
	}
}

// orderColumn is what an order has to know of a column.
type orderColumn struct {
	nullable bool
	text     bool // and not in the order of its bytes, as far as is known
}

// The columns of a table: of each its name, whether it can be NULL, and whether it
// holds texts whose order need not be that of their bytes.
const (
	orderPostgres = `SELECT a.attname::text, NOT a.attnotnull, a.attcollation <> 0 AND NOT CASE
			WHEN c.collprovider = 'd' THEN coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c' AND d.datcollate IN ('C', 'POSIX')
			ELSE c.collprovider = 'c' AND c.collcollate IN ('C', 'POSIX') END
		FROM pg_attribute a JOIN pg_database d ON d.datname = current_database() LEFT JOIN pg_collation c ON c.oid = a.attcollation
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`
	orderMySQL = `SELECT COLUMN_NAME, IS_NULLABLE = 'YES', COLLATION_NAME IS NOT NULL FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`
	orderSQLite = `SELECT c.name, NOT c."notnull", upper(c.type) NOT LIKE '%INT%' FROM main.sqlite_schema s JOIN pragma_table_xinfo(s.name) c
		WHERE s.type IN ('table', 'view') AND s.name = ?`
)

// orderColumns returns the columns of a table or view.
func (d *Database) orderColumns(ctx context.Context, name string) (columns map[string]orderColumn, err error) {
	if !d.asks() {
		return nil, nil
	}
	t, _, err := d.lookUp(ctx, name)
	if err != nil {
		return nil, err
	}
	columns = make(map[string]orderColumn)
	return columns, d.inquire(ctx, "columns", t, inquiry{orderPostgres, orderMySQL, orderSQLite}, func(rows *sql.Rows) error {
		var column string
		var c orderColumn
		err := rows.Scan(&column, &c.nullable, &c.text)
		columns[column] = c
		return err
	})
}

// Total counts the rows.
func (p *sqlPages[K, T]) Total(ctx context.Context) (n int, err error) {
	t := p.source.sql.count()
	return n, p.tx.QueryRowContext(ctx, t.sql.String(), t.args...).Scan(&n)
}

// Estimate asks the planner.
func (p *sqlPages[K, T]) Estimate(ctx context.Context) (n int, exact bool, err error) {
	if p.db.Flavor == dialects.SQLite || !p.db.asks() {
		n, err = p.Total(ctx)
		return n, true, err
	}
	t := p.source.sql.plan()
	rows, err := p.tx.QueryContext(ctx, t.sql.String(), t.args...)
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	n, err = planned(p.db.Flavor, rows)
	return n, false, err
}

// planned returns how many rows a plan expects: that of its first step.
func planned(flavor dialects.Flavor, rows *sql.Rows) (int, error) {
	names, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	if !rows.Next() {
		return 0, errors.Join(rows.Err(), errors.New("the plan is empty"))
	}
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return 0, err
	}
	if flavor == dialects.MySQL {
		i := slices.Index(names, "rows")
		switch {
		case i < 0:
		case !values[i].Valid: // it knows that there is none
			return 0, nil
		default:
			var n int
			_, err := fmt.Sscan(values[i].String, &n)
			return n, err
		}
	} else if _, after, ok := strings.Cut(values[0].String, " rows="); ok {
		var n int
		_, err := fmt.Sscan(after, &n)
		return n, err
	}
	return 0, errors.New("the plan does not say how many rows there are")
}

// Page reads rows from the nearest place that is known.
func (p *sqlPages[K, T]) Page(ctx context.Context, page Page[K], yield func(K, *T) error) error {
	w, key, err := p.way(page)
	if err != nil {
		return err
	}
	found, err := p.read(ctx, w, key)
	if err == nil && w.anchored && page.Total >= 0 && len(found) < page.To-page.From {
		// The anchor is not where it was: something has changed that nobody told.
		found, err = p.read(ctx, way{skip: page.From, limit: page.To - page.From}, nil)
	}
	if err != nil {
		return err
	}
	for _, e := range found {
		if err := yield(e.key, e.row); err != nil {
			return err
		}
	}
	return nil
}

// way finds the shortest way to a page.
func (p *sqlPages[K, T]) way(page Page[K]) (w way, key []any, err error) {
	w = way{skip: page.From, limit: page.To - page.From}
	if page.Total >= page.To && page.Total-page.To < w.skip {
		w.skip, w.back = page.Total-page.To, true
	}
	if a := page.Anchor; a != nil && p.order.anchors {
		skip, back := page.From-a.At-1, false
		if a.At >= page.To {
			skip, back = a.At-page.To, true
		}
		if skip < w.skip {
			w.skip, w.back, w.anchored = skip, back, true
			key, err = p.source.schema.plan.SplitKey(a.Key)
		}
	}
	return w, key, err
}

// read returns the rows of a way, in order.
func (p *sqlPages[K, T]) read(ctx context.Context, w way, key []any) (found []entry[K, T], err error) {
	err = p.source.query(ctx, p.tx, p.source.sql.page(p.order, w, key), func(k K, row *T) error {
		found = append(found, entry[K, T]{k, row})
		return nil
	})
	if w.back {
		slices.Reverse(found)
	}
	return found, err
}
