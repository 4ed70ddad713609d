package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/vantage-go/live/edit"
)

func itoa(n int) string { return strconv.Itoa(n) }

// sqlite makes statements for SQLite: a loop of prepared statements within one
// transaction, which holds the only lock from its beginning.
type sqlite struct{}

// quote uses backticks: to SQLite a name in double quotes that is no column is a
// text.
func (sqlite) quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (sqlite) placeholder(int) string { return "?" }

func (sqlite) settings(s *Store) []string {
	return []string{"PRAGMA busy_timeout = " + itoa(max(int(s.lockWait.Milliseconds()), 1)), "PRAGMA foreign_keys = ON"}
}

// begin waits for the lock for as long as the connection's busy_timeout says.
func (s sqlite) begin(ctx context.Context, l *link) error {
	ctx, err := s.brief(ctx)
	if err != nil {
		return err
	}
	return l.plain(ctx, "BEGIN IMMEDIATE")
}

// brief returns a context for a statement that takes no time to speak of: the lock is
// there, or is waited for no longer than LockWait, and nothing of the program's runs
// within it. For a context that can end, database/sql and drivers start a goroutine
// for each statement, and look at it in between, which takes longer than the
// statement. Whoever has ended it is heard before each one.
func (sqlite) brief(ctx context.Context) (context.Context, error) {
	return context.WithoutCancel(ctx), ctx.Err()
}

func (sqlite) mark(context.Context, *link) (string, error) { return "", nil }

func (sqlite) resolve(context.Context, *sql.DB, string) edit.State { return edit.Unknown }

func (s sqlite) run(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	triggers, err := s.knownTriggers(ctx, l, ops[0].Table)
	if err != nil {
		return err
	}
	if ops[0].Kind == edit.Update && !triggers && !l.oneByOne {
		return s.many(ctx, l, ops, s.determined(ctx, l, ops), out)
	}
	return s.loop(ctx, l, ops, triggers, out)
}

// determined returns the facts by which updates of a table without triggers are
// determined. What a connection knows of a table holds for as long as the schema
// stays as it is, see knownTriggers: the transaction keeps others from changing it.
func (s sqlite) determined(ctx context.Context, l *link, ops []*edit.Op) *facts {
	t := ops[0].Table
	if _, versioned := t.Plan().Version(); !l.counted() || l.told || !versioned {
		return nil
	}
	f, known := l.facts[t]
	if !known {
		f, _ = s.learn(ctx, l, t) // without facts, rows come back as ever
		l.facts[t] = f
	}
	if f != nil && f.told > 0 {
		f.told--
		return nil
	}
	if !f.determines(ops) {
		return nil
	}
	return f
}

const sqliteFacts = `
SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE AND rootpage > 0)
   AND NOT EXISTS (SELECT 1 FROM sqlite_temp_schema WHERE name = ?1 COLLATE NOCASE)
   AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema m, pragma_foreign_key_list(m.name, 'main') f
                    WHERE m.type = 'table' AND f."table" = ?1 COLLATE NOCASE AND f.on_update NOT IN ('NO ACTION', 'RESTRICT')
                      AND f."to" IS NOT NULL AND f."to" COLLATE NOCASE NOT IN (SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0))`

// learn looks at a table: it must be no view and no virtual one, and nothing that
// refers to it may follow a change of it, with triggers of its own.
func (s sqlite) learn(ctx context.Context, l *link, t *edit.Table) (*facts, error) {
	plain := false
	err := each(ctx, l.conn, sqliteFacts, []any{t.Name}, func(rows *sql.Rows) error { return rows.Scan(&plain) })
	if err != nil || !plain {
		return nil, err
	}
	columns, err := describeSQLite(ctx, l.conn, "main", t.Name)
	if err != nil {
		return nil, err
	}
	var key []string
	for i := range columns {
		if columns[i].Key {
			key = append(key, columns[i].Name)
		}
	}
	return factsOf(s, t, columns, key), nil
}

// loop writes rows one by one.
func (s sqlite) loop(ctx context.Context, l *link, ops []*edit.Op, triggers bool, out *outcomes) error {
	for _, op := range ops {
		if err := s.one(ctx, l, op, true, triggers, out); err != nil && !out.refuse(s, op, err) {
			return err
		}
	}
	return nil
}

// many writes rows with a statement for each chunk of them. A chunk of which
// the database refuses a row is written row by row: it takes back the statement
// only.
func (s sqlite) many(ctx context.Context, l *link, ops []*edit.Op, f *facts, out *outcomes) error {
	shape := shapeOf(ops[0], true)
	for len(ops) > 0 {
		chunk := ops[:shape.chunk(len(ops))]
		ops = ops[len(chunk):]
		err := s.chunk(ctx, l, &shape, chunk, f, out)
		if err != nil && understand(s, err).state == edit.Failed && !beginsAgain(err) {
			for _, op := range chunk {
				out.forget(op)
			}
			err = s.loop(ctx, l, chunk, false, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s sqlite) chunk(ctx context.Context, l *link, shape *shape, ops []*edit.Op, f *facts, out *outcomes) error {
	ctx, err := s.brief(ctx)
	if err != nil {
		return err
	}
	if f == nil && len(ops) == 1 {
		return s.one(ctx, l, ops[0], true, false, out)
	}
	args, err := shape.arguments(s, ops...)
	if err != nil {
		return err
	}
	if f != nil {
		return s.chunkDetermined(ctx, l, shape, ops, args, f, out)
	}
	plan := shape.table.Plan()
	text := l.text(textKey{shape: *shape, form: ofMany, rows: len(ops)}, func(b *builder) {
		s.fromValues(b, shape, len(ops))
		b.add(" RETURNING ")
		b.columns(shape.table, "", plan.All())
	})
	back, reader := returns{ops: ops}, plan.Reader(plan.All())
	return l.query(ctx, text, args, func(rows *sql.Rows) error {
		row, err := reader.Read(rows)
		if err != nil {
			return err
		}
		op := back.op(row)
		if op == nil {
			return errOneByOne
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row})
		return nil
	})
}

// chunkDetermined writes rows that need not come back, if all of them are written.
func (s sqlite) chunkDetermined(ctx context.Context, l *link, shape *shape, ops []*edit.Op, args []any, f *facts, out *outcomes) error {
	key := textKey{shape: *shape, form: ofManyDetermined, rows: len(ops)}
	if len(ops) == 1 {
		key.form = ofOneDetermined
	}
	text := l.text(key, func(b *builder) {
		if len(ops) == 1 {
			b.single(shape)
		} else {
			s.fromValues(b, shape, len(ops))
		}
	})
	switch _, n, err := l.exec(ctx, text, args); {
	case err != nil:
		return err
	case n == int64(len(ops)):
		return f.done(out, ops...)
	case n == 0:
		return nil
	}
	f.told = toldFor
	return errTold
}

// fromValues adds the statement that updates many rows, without what it returns.
func (s sqlite) fromValues(b *builder, shape *shape, rows int) {
	n := 0
	sets, conditions := shape.clauses(s, "", "t.", func(*edit.Column) string {
		n++
		return "d.column" + itoa(n)
	})
	row := "(" + strings.Repeat(", ?", n)[2:] + ")"
	b.add("UPDATE ")
	b.table(shape.table)
	b.add(" AS t SET " + strings.Join(sets, ", ") + " FROM (VALUES " + strings.Repeat(", "+row, rows)[2:] + ") AS d WHERE " +
		strings.Join(conditions, " AND "))
}

// knownTriggers is triggers, which a connection remembers for as long as the schema
// stays as it is. A transaction of somebody else has triggers of its own.
func (s sqlite) knownTriggers(ctx context.Context, l *link, t *edit.Table) (bool, error) {
	if l.conn == nil {
		return s.triggers(ctx, l, t)
	}
	brief, err := s.brief(ctx)
	if err != nil {
		return false, err
	}
	var version int64
	err = l.query(brief, "PRAGMA schema_version", nil, func(rows *sql.Rows) error { return rows.Scan(&version) })
	if err != nil {
		return false, err
	}
	if version != l.schemaVersion || l.triggers == nil {
		l.schemaVersion, l.triggers, l.facts = version, make(map[*edit.Table]bool), make(map[*edit.Table]*facts)
	}
	has, known := l.triggers[t]
	if !known {
		if has, err = s.triggers(ctx, l, t); err == nil {
			l.triggers[t] = has
		}
	}
	return has, err
}

// triggers reports whether a table has triggers, which may change a row after
// RETURNING has told what it is. Those that capture changes for a feed do not.
func (sqlite) triggers(ctx context.Context, l *link, t *edit.Table) (bool, error) {
	has := false
	for _, schema := range []string{"sqlite_schema", "sqlite_temp_schema"} {
		err := l.query(ctx, "SELECT EXISTS (SELECT 1 FROM "+schema+" WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE AND name NOT LIKE 'livesql\\_on\\_%' ESCAPE '\\')", []any{t.Name},
			func(rows *sql.Rows) error {
				var found bool
				err := rows.Scan(&found)
				has = has || found
				return err
			})
		if err != nil {
			return false, err
		}
	}
	return has || t.Schema != "", nil
}

func (s sqlite) one(ctx context.Context, l *link, op *edit.Op, checked, triggers bool, out *outcomes) error {
	plan := op.Table.Plan()
	text, args, err := s.statement(l, op, checked)
	if err != nil {
		return err
	}
	err = l.query(ctx, text, args, func(rows *sql.Rows) error {
		row := plan.New()
		if err := plan.Scan(rows, row, plan.All()); err != nil {
			return err
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row})
		return nil
	})
	if err != nil {
		return err
	}
	if o := out.of(op); out.has(op) && op.Kind != edit.Delete && triggers {
		o.Row, err = s.reread(ctx, l, op, o.Row)
		out.set(op, o)
		return err
	}
	if !out.has(op) && op.Kind == edit.Insert {
		out.set(op, edit.Outcome{State: edit.Suppressed})
	}
	return nil
}

// statement is what writes one row.
func (s sqlite) statement(l *link, op *edit.Op, checked bool) (text string, args []any, err error) {
	returning := func(b *builder) {
		b.add(" RETURNING ")
		b.columns(op.Table, "", op.Table.Plan().All())
	}
	if op.Kind == edit.Insert {
		b := newBuilder(s)
		if err := b.insert(op); err != nil {
			return "", nil, err
		}
		returning(b)
		return b.String(), b.args, nil
	}
	shape := shapeOf(op, checked)
	text = l.text(textKey{shape: shape, form: ofOne}, func(b *builder) {
		b.single(&shape)
		returning(b)
	})
	args, err = shape.arguments(s, op)
	return text, args, err
}

// reread reads a row that was written, as it is after all triggers.
func (s sqlite) reread(ctx context.Context, l *link, op *edit.Op, row any) (any, error) {
	plan := op.Table.Plan()
	b := newBuilder(s)
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
		b.args = append(b.args, plan.Value(row, i))
		b.add(" = ?")
	}
	err := l.query(ctx, b.String(), b.args, func(rows *sql.Rows) error {
		row = plan.New()
		return plan.Scan(rows, row, plan.All())
	})
	return row, err
}

func (s sqlite) force(ctx context.Context, l *link, op *edit.Op) (any, bool, error) {
	out := outcomesOf([]*edit.Op{op})
	err := s.one(ctx, l, op, false, true, out)
	return out.of(op).Row, out.has(op), err
}

func (s sqlite) lock(ctx context.Context, l *link, ops []*edit.Op) (map[string]any, error) {
	plan := ops[0].Table.Plan()
	rows := make(map[string]any, len(ops))
	for _, op := range ops { // one text, which stays prepared
		b, err := selectKeys(s, []*edit.Op{op}, plan.All(), "")
		if err != nil {
			return nil, err
		}
		err = l.query(ctx, b.String(), b.args, func(r *sql.Rows) error {
			row := plan.New()
			rows[keyText(op.Table, op.Key())] = row
			return plan.Scan(r, row, plan.All())
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (sqlite) unlocked(context.Context, *link, []*edit.Op) (map[string]bool, bool, error) {
	return nil, false, nil
}
