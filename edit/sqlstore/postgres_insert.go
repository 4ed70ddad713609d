package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/vantage-go/live/edit"
)

// insert inserts rows and matches them with their operations by key.
func (p *postgres) insert(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	t := ops[0].Table
	missing := t.Plan().Key().Without(ops[0].Set)
	if len(ops) > 1 {
		switch {
		case missing.Empty():
			return p.insertMany(ctx, l, ops, "", out)
		case missing.Len() == 1:
			sequence, err := p.sequence(ctx, l, t, missing)
			if err != nil {
				return err
			}
			if sequence != "" {
				return p.insertMany(ctx, l, ops, sequence, out)
			}
		}
	}
	for _, op := range ops {
		if err := p.insertOne(ctx, l, op, out); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgres) insertOne(ctx context.Context, l *link, op *edit.Op, out *outcomes) error {
	b := newBuilder(p)
	if err := b.insert(op); err != nil {
		return err
	}
	plan := op.Table.Plan()
	b.add(" RETURNING ")
	b.columns(op.Table, "", plan.All())
	err := l.query(ctx, b.String(), b.args, func(rows *sql.Rows) error {
		row := plan.New()
		if err := plan.Scan(rows, row, plan.All()); err != nil {
			return err
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row})
		return nil
	})
	if err == nil && !out.has(op) {
		out.set(op, edit.Outcome{State: edit.Suppressed})
	}
	return err
}

// insert is the statement of one insert, without what it returns.
func (b *builder) insert(op *edit.Op) error {
	b.add("INSERT INTO ")
	b.table(op.Table)
	if op.Set.Empty() {
		if _, ok := b.engine.(mysql); ok {
			b.add(" () VALUES ()")
		} else {
			b.add(" DEFAULT VALUES")
		}
		return nil
	}
	b.add(" (")
	b.columns(op.Table, "", op.Set)
	b.add(") VALUES (")
	first := true
	for i := range op.Set.All() {
		if !first {
			b.add(", ")
		}
		first = false
		if err := b.value(&op.Table.Plan().Fields()[i].Column, op.Table.Plan().Value(op.Row, i)); err != nil {
			return err
		}
	}
	b.add(")")
	return nil
}

// insertMany inserts rows with one statement. Their keys are in the operations,
// or come from a sequence within the statement.
func (p *postgres) insertMany(ctx context.Context, l *link, ops []*edit.Op, sequence string, out *outcomes) error {
	t := ops[0].Table
	plan := t.Plan()
	b := newBuilder(p)
	s := &source{b: b, ops: ops}
	var columns, values, join []string
	for i := range ops[0].Set.All() {
		f := &plan.Fields()[i]
		value, err := s.column(&f.Column, func(op *edit.Op) any { return plan.Value(op.Row, i) })
		if err != nil {
			return err
		}
		columns, values = append(columns, p.quote(f.Name)), append(values, value)
		if plan.Key().Has(i) {
			join = append(join, "i."+p.quote(f.Name)+" = "+value)
		}
	}
	if len(columns) == 0 {
		for _, op := range ops {
			if err := p.insertOne(ctx, l, op, out); err != nil {
				return err
			}
		}
		return nil
	}
	next, overriding := "", ""
	if sequence != "" {
		for i := range plan.Key().Without(ops[0].Set).All() {
			f := &plan.Fields()[i]
			columns, values = append(columns, p.quote(f.Name)), append(values, "d.k"+cast(&f.Column))
			join = append(join, "i."+p.quote(f.Name)+" = d.k")
		}
		s.b.args = append(s.b.args, sequence)
		next = "nextval($" + strconv.Itoa(len(s.b.args)) + "::text::regclass) AS k, "
		overriding = " OVERRIDING SYSTEM VALUE"
	}
	b.add("WITH d AS MATERIALIZED (SELECT " + next + "u.* FROM " + s.unnest("u") + "), i AS (INSERT INTO ")
	b.table(t)
	b.add(" (" + strings.Join(columns, ", ") + ")" + overriding + " SELECT " + strings.Join(values, ", ") + " FROM d ORDER BY d.ord RETURNING ")
	b.columns(t, "", plan.All())
	b.add(") SELECT d.ord, ")
	b.columns(t, "i.", plan.All())
	b.add(" FROM i JOIN d ON " + strings.Join(join, " AND "))
	if err := p.collect(ctx, l, b.String(), b.args, ops, out); err != nil {
		return err
	}
	for _, op := range ops {
		if !out.has(op) {
			return errChangedKeys
		}
	}
	return nil
}

// errChangedKeys makes the rows be inserted one by one, where each is known by
// its statement.
var errChangedKeys = errors.New("edit: a row was not inserted, or under another key")

// sequence returns the sequence that the key of a table comes from, "" if it
// comes from elsewhere.
func (p *postgres) sequence(ctx context.Context, l *link, t *edit.Table, key edit.Columns) (string, error) {
	p.sequencesMu.Lock()
	sequence, known := p.sequences[t]
	p.sequencesMu.Unlock()
	if known {
		return sequence, nil
	}
	b := newBuilder(p)
	b.table(t)
	var found sql.NullString
	args := []any{b.String(), t.Plan().Names(key)[0]}
	err := l.query(ctx, "SELECT pg_get_serial_sequence($1::text, $2::text)", args, func(rows *sql.Rows) error { return rows.Scan(&found) })
	if err != nil {
		return "", err
	}
	p.sequencesMu.Lock()
	p.sequences[t] = found.String
	p.sequencesMu.Unlock()
	return found.String, nil
}
