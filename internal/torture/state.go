package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// The tables hold few rows, so that writers and readers meet on them.
const (
	items  = 16
	groups = 4
	parts  = 3 // of one item, at most
)

// schema is what the writers write into. The row of seq numbers the
// transactions.
var schema = []string{
	`CREATE TABLE seq(one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL)`,
	`INSERT INTO seq VALUES (1, 0)`,
	`CREATE TABLE item(id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, code TEXT UNIQUE, ver INTEGER NOT NULL)`,
	`CREATE TABLE part(item INTEGER NOT NULL REFERENCES item(id) ON DELETE CASCADE ON UPDATE CASCADE, n INTEGER NOT NULL, ver INTEGER NOT NULL, PRIMARY KEY (item, n)) WITHOUT ROWID`,
}

// state is the contents of the tables after one transaction.
type state struct {
	Items []item `json:"i"`
	Parts []part `json:"p"`
}

type item struct {
	ID, Grp int64
	Code    string
	Ver     int64
}

type part struct{ Item, N, Ver int64 }

// querier is the part of *sql.DB, *sql.Conn and *sql.Tx that asking needs.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// dump reads the tables. Inside a transaction that is about to commit, they
// are what it leaves behind.
func dump(ctx context.Context, q querier) (state, error) {
	var s state
	err := each(ctx, q, "SELECT id, grp, coalesce(code, ''), ver FROM item ORDER BY id", nil, func(rows *sql.Rows) error {
		var i item
		err := rows.Scan(&i.ID, &i.Grp, &i.Code, &i.Ver)
		s.Items = append(s.Items, i)
		return err
	})
	if err != nil {
		return s, err
	}
	err = each(ctx, q, "SELECT item, n, ver FROM part ORDER BY item, n", nil, func(rows *sql.Rows) error {
		var p part
		err := rows.Scan(&p.Item, &p.N, &p.Ver)
		s.Parts = append(s.Parts, p)
		return err
	})
	return s, err
}

func each(ctx context.Context, q querier, query string, args []any, f func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("torture: %s: %w", query, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return fmt.Errorf("torture: %s: %w", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("torture: %s: %w", query, err)
	}
	return nil
}

// rowKey names a row as the change log does.
type rowKey struct {
	table string
	key   any
}

// diff returns the rows that are not the same in both states.
func diff(before, after state) []rowKey {
	var keys []rowKey
	changed(before.Items, after.Items, func(i item) int64 { return i.ID }, func(id int64) {
		keys = append(keys, rowKey{"item", id})
	})
	changed(before.Parts, after.Parts, func(p part) [2]int64 { return [2]int64{p.Item, p.N} }, func(k [2]int64) {
		keys = append(keys, rowKey{"part", fmt.Sprintf("%d,%d", k[0], k[1])})
	})
	return keys
}

func changed[R, K comparable](before, after []R, key func(R) K, report func(K)) {
	old := make(map[K]R, len(before))
	for _, r := range before {
		old[key(r)] = r
	}
	for _, r := range after {
		k := key(r)
		if was, ok := old[k]; !ok || was != r {
			report(k)
		}
		delete(old, k)
	}
	for k := range old {
		report(k)
	}
}

// member reports whether the item with this id is in the group.
func (s state) member(id, grp int64) (item, bool) {
	i := slices.IndexFunc(s.Items, func(i item) bool { return i.ID == id && i.Grp == grp })
	if i < 0 {
		return item{}, false
	}
	return s.Items[i], true
}
