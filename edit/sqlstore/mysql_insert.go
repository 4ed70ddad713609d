package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/vantage-go/live/edit"
)

// insert inserts rows: many with one statement, where what comes back tells whose
// each is.
func (m mysql) insert(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	width := max(ops[0].Set.Len(), 1)
	for len(ops) > 0 {
		rows := ops[:chunk(len(ops), width)]
		ops = ops[len(rows):]
		done, err := m.insertMany(ctx, l, rows, out)
		if err == nil && !done {
			err = m.insertEach(ctx, l, rows, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// insertEach inserts rows one by one: only then LastInsertId says whose it is.
func (m mysql) insertEach(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	for _, op := range ops {
		b := newBuilder(m)
		if err := b.insert(op); err != nil {
			return err
		}
		result, _, err := l.exec(ctx, b.String(), b.args)
		if err != nil {
			if out.refuse(m, op, err) {
				continue
			}
			return err
		}
		row, err := readInserted(ctx, m, l, op, result)
		if err != nil {
			return err
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row})
		if row == nil {
			out.set(op, edit.Outcome{State: edit.Suppressed})
		}
	}
	return nil
}

// insertMany inserts rows with one statement, all or none, and reports whether
// it did. It does not where the database refuses one, or where the rows that
// come back do not tell whose they are: then they are for insertEach.
//
// No order is trusted, nor that the keys which the database makes follow each
// other: MariaDB returns the rows, and elsewhere only those are written so whose
// keys are known. A row is that of the save whose values it holds, all of them. Of
// rows that hold the same, each may be either's.
func (m mysql) insertMany(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) (bool, error) {
	if len(ops) < 2 || l.oneByOne || ops[0].Set.Empty() {
		return false, nil
	}
	returning, err := m.returns(ctx, l)
	if err != nil {
		return false, err
	}
	plan := ops[0].Table.Plan()
	if missing := plan.Key().Without(ops[0].Set); !returning && !missing.Empty() {
		return false, nil
	}
	const savepoint = "livesql_rows"
	if err := l.plain(ctx, "SAVEPOINT "+savepoint); err != nil {
		return false, err
	}
	rows, err := m.insertRows(ctx, l, ops, returning)
	switch {
	case err != nil && understand(m, err).state != edit.Failed:
		return false, err
	case err == nil:
		owners := ownersOf(ops, rows)
		if owners != nil {
			for op, row := range owners {
				out.set(op, edit.Outcome{State: edit.Done, Row: row})
			}
			return true, nil
		}
	}
	return false, l.plain(ctx, "ROLLBACK TO SAVEPOINT "+savepoint)
}

// insertRows inserts rows with one statement and returns what is stored.
func (m mysql) insertRows(ctx context.Context, l *link, ops []*edit.Op, returning bool) ([]any, error) {
	plan := ops[0].Table.Plan()
	set := ops[0].Set
	b := newBuilder(m)
	var rows []any
	for n, op := range ops {
		if n == 0 {
			b.add("INSERT INTO ")
			b.table(op.Table)
			b.add(" (")
			b.columns(op.Table, "", set)
			b.add(") VALUES (" + strings.Repeat("?, ", set.Len()-1) + "?)")
		} else {
			b.add(", (" + strings.Repeat("?, ", set.Len()-1) + "?)")
		}
		for i := range set.All() {
			arg, err := argument(m, &plan.Fields()[i].Column, plan.Value(op.Row, i))
			if err != nil {
				return nil, err
			}
			b.args = append(b.args, arg)
		}
	}
	keep := func(r *sql.Rows) error {
		row := plan.New()
		rows = append(rows, row)
		return plan.Scan(r, row, plan.All())
	}
	if returning {
		b.add(" RETURNING ")
		b.columns(ops[0].Table, "", plan.All())
		err := l.query(ctx, b.String(), b.args, keep)
		return rows, err
	}
	if _, _, err := l.exec(ctx, b.String(), b.args); err != nil {
		return nil, err
	}
	back, err := selectKeys(m, ops, plan.All(), "")
	if err != nil {
		return nil, err
	}
	err = l.query(ctx, back.String(), back.args, keep)
	return rows, err
}

// ownersOf returns which of the rows that were inserted is which operation's, nil
// unless each holds what one of them has sent.
func ownersOf(ops []*edit.Op, rows []any) map[*edit.Op]any {
	if len(rows) != len(ops) {
		return nil
	}
	plan, set := ops[0].Table.Plan(), ops[0].Set
	holds := func(row any, op *edit.Op) bool {
		differ := plan.DiffIn(row, op.Row, set)
		return differ.Empty()
	}
	owners := make(map[*edit.Op]any, len(ops))
	for n, row := range rows {
		found := false
		for i := range ops {
			op := ops[(n+i)%len(ops)] // mostly it is the one at the same place
			if owners[op] == nil && holds(row, op) {
				owners[op], found = row, true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return owners
}

// returns reports whether the server returns the rows that an INSERT makes:
// MariaDB does.
func (m mysql) returns(ctx context.Context, l *link) (bool, error) {
	if l.returning == unasked {
		err := l.query(ctx, "SELECT VERSION()", nil, func(rows *sql.Rows) error {
			var version string
			err := rows.Scan(&version)
			l.returning = no
			if returnsInserted(version) {
				l.returning = yes
			}
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return l.returning == yes, nil
}

// returnsInserted reports whether a server of a version has INSERT … RETURNING:
// MariaDB from 10.5 on. Some put a version of MySQL before their own.
func returnsInserted(version string) bool {
	before, _, maria := strings.Cut(version, "-MariaDB")
	if !maria {
		return false
	}
	before = before[strings.LastIndex(before, "-")+1:]
	major, rest, _ := strings.Cut(before, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err1 := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor)
	return errors.Join(err1, err2) == nil && (x > 10 || x == 10 && y >= 5)
}

// answer is what a server has answered to a question.
type answer uint8

const (
	unasked answer = iota
	no
	yes
)

// readInserted reads the row that an insert made.
func readInserted(ctx context.Context, e engine, l *link, op *edit.Op, result sql.Result) (any, error) {
	plan := op.Table.Plan()
	missing := plan.Key().Without(op.Set)
	b := newBuilder(e)
	b.add("SELECT ")
	b.columns(op.Table, "", plan.All())
	b.add(" FROM ")
	b.table(op.Table)
	b.add(" WHERE ")
	first := true
	for i := range plan.Key().All() {
		if !first {
			b.add(" AND ")
		}
		first = false
		b.name(plan.Fields()[i].Name)
		var value any
		if missing.Has(i) {
			id, err := result.LastInsertId()
			if err != nil {
				return nil, err
			}
			value = id
		} else {
			value = plan.Value(op.Row, i)
		}
		b.args = append(b.args, value)
		b.add(" = " + e.placeholder(len(b.args)))
	}
	var row any
	err := l.query(ctx, b.String(), b.args, func(rows *sql.Rows) error {
		row = plan.New()
		return plan.Scan(rows, row, plan.All())
	})
	return row, err
}
