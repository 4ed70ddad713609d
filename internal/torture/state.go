package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// schema is what all engines have in common. Of the tables, audit, tick and
// late are written by triggers alone: audit counts the changes of each item,
// tick those of parts, late has the number of the last transaction.
func commonSchema(s Shape) []string {
	all := []string{
		`CREATE TABLE seq(lane INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE TABLE late(lane INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE TABLE tick(lane INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE TABLE facts(lane INTEGER NOT NULL PRIMARY KEY, shown INTEGER NOT NULL, wide INTEGER NOT NULL, detached INTEGER NOT NULL)`,
		`CREATE TABLE item(id INTEGER NOT NULL PRIMARY KEY, grp INTEGER NOT NULL, code VARCHAR(20) UNIQUE, ver BIGINT NOT NULL)`,
		`CREATE TABLE part(item INTEGER NOT NULL, n INTEGER NOT NULL, ver BIGINT NOT NULL, PRIMARY KEY (item, n), FOREIGN KEY (item) REFERENCES item(id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE audit(item INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE TABLE spot(lane INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`,
		`CREATE VIEW front AS SELECT id, grp, ver FROM item`,
	}
	for lane := range s.Lanes {
		for _, table := range []string{"seq", "late", "tick", "spot"} {
			all = append(all, fmt.Sprintf("INSERT INTO %s VALUES (%d, 0)", table, lane))
		}
		all = append(all,
			fmt.Sprintf("INSERT INTO facts VALUES (%d, %d, 0, 0)", lane, lane*stride),
			shownView(lane, lane*stride),
			fmt.Sprintf("CREATE TABLE wide_%d(id INTEGER NOT NULL PRIMARY KEY, n BIGINT NOT NULL)", lane),
			fmt.Sprintf("INSERT INTO wide_%d VALUES (1, 0)", lane),
		)
	}
	return all
}

// shownView creates the view that shows one group of a lane.
func shownView(lane, grp int64) string {
	return fmt.Sprintf("CREATE VIEW shown_%d AS SELECT id, ver FROM item WHERE grp = %d", lane, grp)
}

// state is the contents of one lane after one transaction.
type state struct {
	Items  []item  `json:"i"`
	Parts  []part  `json:"p"`
	Audit  []pair  `json:"a"`
	Pieces []pair  `json:"q"`
	Spares []pair  `json:"r,omitempty"`
	Facts  facts   `json:"f"`
	Spots  []int64 `json:"s"`
}

type item struct {
	ID, Grp int64
	Code    string
	Ver     int64
}

type part struct{ Item, N, Ver int64 }

type pair struct{ ID, N int64 }

// facts are what a lane has one of.
type facts struct {
	// Shown is the group that the view shows, Wide the number of columns that
	// were added to the table wide, WideN what is in its row; Detached tells
	// that the lane's partition is not attached.
	Shown, Wide, WideN int64
	Detached           int64
	Tick, Late         int64
}

// querier is the part of *sql.DB, *sql.Conn and *sql.Tx that asking needs.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// dump reads a lane. Inside the transaction number version that is about to
// commit, it is what that leaves behind.
func (e *Engine) dump(ctx context.Context, q querier, lane, version int64) (state, error) {
	var s state
	lo, hi := lane*stride, (lane+1)*stride-1
	between := fmt.Sprintf("BETWEEN %d AND %d", lo, hi)
	err := each(ctx, q, "SELECT id, grp, coalesce(code, ''), ver FROM item WHERE id "+between+" ORDER BY id", nil, func(rows *sql.Rows) error {
		var i item
		err := rows.Scan(&i.ID, &i.Grp, &i.Code, &i.Ver)
		s.Items = append(s.Items, i)
		return err
	})
	if err != nil {
		return s, err
	}
	err = each(ctx, q, "SELECT item, n, ver FROM part WHERE item "+between+" ORDER BY item, n", nil, func(rows *sql.Rows) error {
		var p part
		err := rows.Scan(&p.Item, &p.N, &p.Ver)
		s.Parts = append(s.Parts, p)
		return err
	})
	if err != nil {
		return s, err
	}
	pairs := []struct {
		into *[]pair
		text string
	}{
		{&s.Audit, "SELECT item, n FROM audit WHERE item " + between + " ORDER BY item"},
		{&s.Pieces, fmt.Sprintf("SELECT id, ver FROM piece WHERE lane = %d ORDER BY id", lane)},
	}
	if e.swaps {
		pairs = append(pairs, pairs[1])
		pairs[2].into, pairs[2].text = &s.Spares, fmt.Sprintf("SELECT id, ver FROM spare_%d ORDER BY id", lane)
	}
	for _, p := range pairs {
		err = each(ctx, q, p.text, nil, func(rows *sql.Rows) error {
			var r pair
			err := rows.Scan(&r.ID, &r.N)
			*p.into = append(*p.into, r)
			return err
		})
		if err != nil {
			return s, err
		}
	}
	f := &s.Facts
	err = each(ctx, q, fmt.Sprintf("SELECT f.shown, f.wide, f.detached, t.n, l.n, w.n FROM facts AS f, tick AS t, late AS l, wide_%[1]d AS w WHERE f.lane = %[1]d AND t.lane = %[1]d AND l.lane = %[1]d", lane), nil, func(rows *sql.Rows) error {
		return rows.Scan(&f.Shown, &f.Wide, &f.Detached, &f.Tick, &f.Late, &f.WideN)
	})
	if err != nil {
		return s, err
	}
	if e.deferred {
		f.Late = version
	}
	for _, text := range e.spots {
		err = each(ctx, q, fmt.Sprintf(text, lane), nil, func(rows *sql.Rows) error {
			var n int64
			err := rows.Scan(&n)
			s.Spots = append(s.Spots, n)
			return err
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
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

// diff returns the rows that are not the same in both states, of the tables
// whose rows the change log tells by their keys.
func diff(before, after state) []rowKey {
	var keys []rowKey
	changed(before.Items, after.Items, func(i item) int64 { return i.ID }, func(id int64) {
		keys = append(keys, rowKey{"item", id})
	})
	changed(before.Parts, after.Parts, func(p part) [2]int64 { return [2]int64{p.Item, p.N} }, func(k [2]int64) {
		keys = append(keys, rowKey{"part", fmt.Sprintf("%d,%d", k[0], k[1])})
	})
	changed(before.Audit, after.Audit, func(p pair) int64 { return p.ID }, func(id int64) {
		keys = append(keys, rowKey{"audit", id})
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

// equal reports whether two states are the same.
func (s state) equal(t state) bool {
	return slices.Equal(s.Items, t.Items) && slices.Equal(s.Parts, t.Parts) && slices.Equal(s.Audit, t.Audit) &&
		slices.Equal(s.Pieces, t.Pieces) && slices.Equal(s.Spares, t.Spares) && slices.Equal(s.Spots, t.Spots) && s.Facts == t.Facts
}

// member reports whether the item with this id is in the group.
func (s state) member(id, grp int64) (item, bool) {
	i := slices.IndexFunc(s.Items, func(i item) bool { return i.ID == id && i.Grp == grp })
	if i < 0 {
		return item{}, false
	}
	return s.Items[i], true
}
