package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/vantage-go/live/edit"
)

// facts are what the database says of a table, as far as that decides whether
// an update of it is determined: the row that it leaves is the one that it was
// made on, with the values that were sent and the next version, and need not come
// back. It is, if
//
//   - the version is checked, and counted by all, so that a row that matches is the
//     one that was read,
//   - nothing on the server changes a row on its way: no trigger but those that
//     capture changes for a feed, no rule, no column that the database writes,
//   - every value is kept as it is sent: see keeping.
//
// The facts of a moment do not outlive it: on Postgres the statement itself looks
// whether they still hold, and SQLite tells the version of its schema. MySQL and
// MariaDB have nothing of the kind, and show no triggers to a user that may not
// make any: there, rows are always read back.
type facts struct {
	at      time.Time
	plain   bool   // nothing on the server changes a row on its way
	guard   string // of Postgres: the condition under which that still holds
	keeps   []keeping
	version int // the column

	// told is for how many runs the rows are to come back, since not all of a
	// run were written, and it had to be found out which.
	told int
}

// toldFor is how many runs of a table have their rows come back after one of
// which not all rows were written.
const toldFor = 8

// maxFacts bounds the tables of which something is known: programs may describe a
// table again and again.
const maxFacts = 1000

// again is after what time a table is looked at anew that was not plain.
const again = time.Minute

// factsOf makes the facts of a plain table with these columns.
func factsOf(e engine, t *edit.Table, columns []edit.Column, key []string) *facts {
	f := &facts{at: time.Now()}
	plan := t.Plan()
	version, versioned := plan.Version()
	if !versioned || len(key) == 0 {
		return f
	}
	for _, name := range key { // a statement must match one row with each operation
		i, ok := plan.Index(name)
		if k := plan.Key(); !ok || !k.Has(i) {
			return f
		}
	}
	f.version, f.keeps = version, make([]keeping, len(plan.Fields()))
	for i := range plan.Fields() {
		field := &plan.Fields()[i]
		at := slices.IndexFunc(columns, func(c edit.Column) bool { return strings.EqualFold(c.Name, field.Name) })
		switch {
		case field.Token != "", at < 0, columns[at].Generated, columns[at].Type != field.Column.Type:
			return f // the database writes it, or it is another table by now
		case i == version && !counts(e, field):
			return f
		}
		f.keeps[i] = keepingOf(e, field, &columns[at])
	}
	f.plain = true
	return f
}

// determines reports whether updates are determined.
func (f *facts) determines(ops []*edit.Op) bool {
	if f == nil || !f.plain {
		return false
	}
	plan := ops[0].Table.Plan()
	for i := range ops[0].Set.All() {
		if f.keeps[i] == nil {
			return false
		}
	}
	for _, op := range ops {
		if op.Kind != edit.Update || op.Group != 0 || !op.Whole() {
			return false
		}
		for i := range op.Set.All() {
			if !f.keeps[i](plan, op, i) {
				return false
			}
		}
	}
	return true
}

// row is the row that a determined update leaves.
func (f *facts) row(op *edit.Op) (any, error) {
	plan := op.Table.Plan()
	row := plan.Clone(op.Base)
	plan.CopyIn(row, op.Row, op.Set)
	return row, plan.Count(row, f.version)
}

// done notes that determined updates were made.
func (f *facts) done(out *outcomes, ops ...*edit.Op) error {
	for _, op := range ops {
		row, err := f.row(op)
		if err != nil {
			return err
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row, Inferred: true})
	}
	return nil
}

// errTold makes the transaction begin again so that rows come back: not all of
// a run were written, and nobody knows which.
var errTold = errors.New("edit: the rows that were written have to be told")

// counted reports whether all count the versions; in a transaction of somebody else
// that is of no use.
func (l *link) counted() bool { return l.store != nil && l.store.counted }

// determined returns the facts by which updates are determined, nil if they are
// not, or in a transaction of somebody else.
func (l *link) determined(ops []*edit.Op) *facts {
	if !l.counted() || l.oneByOne || l.told {
		return nil
	}
	f := l.store.known(ops[0].Table)
	if !f.determines(ops) {
		return nil
	}
	return f
}

// known returns what is known of a table.
func (s *Store) known(t *edit.Table) *facts {
	s.factsMu.Lock()
	defer s.factsMu.Unlock()
	return s.facts[t]
}

// forget drops what is known of a table, which has changed since.
func (s *Store) forget(t *edit.Table) {
	s.factsMu.Lock()
	defer s.factsMu.Unlock()
	delete(s.facts, t)
}

// learn looks at the tables of operations, as far as nothing is known of them.
// Without facts, rows come back as ever: an error is for what follows to find.
func (s *Store) learn(ctx context.Context, l *link, ops []*edit.Op) {
	e, ok := s.engine.(*postgres)
	if !ok || !s.counted {
		return
	}
	var last *edit.Table
	for _, op := range ops {
		if op.Table == last || op.Kind != edit.Update {
			continue
		}
		last = op.Table
		if _, versioned := last.Plan().Version(); !versioned {
			continue
		}
		if f := s.known(last); f != nil && (f.plain || time.Since(f.at) < again) {
			continue
		}
		f, err := e.learn(ctx, l, last)
		if err != nil {
			f = &facts{at: time.Now()}
		}
		s.factsMu.Lock()
		if len(s.facts) >= maxFacts {
			clear(s.facts)
		}
		s.facts[last] = f
		s.factsMu.Unlock()
	}
}

// stillBase reports whether a row that a statement has not written is the one
// that it was to write: then what was known of the table has changed.
func stillBase(op *edit.Op, row any) bool {
	i, ok := op.Table.Plan().Version()
	return ok && op.Base != nil && op.Table.Plan().Same(row, op.Base, i)
}

const postgresFacts = `
SELECT c.oid::bigint, c.xmin::text,
       c.relkind = 'r' AND NOT c.relhassubclass AND NOT c.relhasrules AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_trigger t
           JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
           JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
          WHERE t.tgrelid = c.oid AND t.tgtype & 16 <> 0 AND n.nspname <> 'livesql'
            AND NOT (t.tgisinternal AND n.nspname = 'pg_catalog' AND (
                  p.proname IN ('RI_FKey_check_upd', 'RI_FKey_noaction_upd', 'RI_FKey_restrict_upd', 'unique_key_recheck')
               OR p.proname IN ('RI_FKey_cascade_upd', 'RI_FKey_setnull_upd', 'RI_FKey_setdefault_upd') AND EXISTS (
                  SELECT FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid
                   WHERE k.oid = t.tgconstraint AND i.indisprimary)))),
       CASE WHEN c.relhastriggers THEN COALESCE((
         SELECT array_agg(t.oid)::text FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 16 <> 0), '{}') ELSE '' END,
       COALESCE((SELECT string_agg(a.attname, chr(1)) FROM pg_catalog.pg_index i
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int2[])
                  WHERE i.indrelid = c.oid AND i.indisprimary), '')
  FROM pg_catalog.pg_class c
 WHERE c.oid = to_regclass($1::text)`

// learn looks at a table. What can change a row without changing the table's
// entry in pg_class is a trigger beside others. The statements of this store run
// at READ COMMITTED: they see the catalogue as it is when they have locked the
// table, which nobody changes then.
func (p *postgres) learn(ctx context.Context, l *link, t *edit.Table) (*facts, error) {
	name := p.quote(t.Name)
	if t.Schema != "" {
		name = p.quote(t.Schema) + "." + name
	}
	var oid, xmin, triggers, key string
	plain := false
	err := each(ctx, l.conn, postgresFacts, []any{name}, func(rows *sql.Rows) error {
		return rows.Scan(&oid, &xmin, &plain, &triggers, &key)
	})
	if err != nil || !plain {
		return &facts{at: time.Now()}, err
	}
	columns, err := describePostgres(ctx, l.conn, t.Schema, t.Name)
	if err != nil {
		return nil, err
	}
	f := factsOf(p, t, columns, strings.FieldsFunc(key, func(r rune) bool { return r == 1 }))
	f.guard = "(SELECT c.xmin = '" + xmin + "' FROM pg_catalog.pg_class c WHERE c.oid = " + oid + ")"
	if triggers != "" {
		f.guard += " AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = " + oid + " AND tgtype & 16 <> 0 AND oid <> ALL ('" + triggers + "'))"
	}
	return f, nil
}
