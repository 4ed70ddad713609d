package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// mysql makes statements for MySQL and MariaDB. Neither returns what an update
// wrote, so that the rows are read back in the same transaction; and a version
// that is one higher proves nothing: only the number of affected rows does.
type mysql struct{}

func (mysql) quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (mysql) placeholder(int) string { return "?" }

func (mysql) settings(s *Store) []string {
	seconds := max(int((s.lockWait+time.Second-1)/time.Second), 1)
	return []string{
		"SET SESSION innodb_lock_wait_timeout = " + itoa(seconds),
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", // locks no gaps
	}
}

func (mysql) begin(ctx context.Context, l *link) error { return l.plain(ctx, "START TRANSACTION") }

func (mysql) mark(context.Context, *link) (string, error) { return "", nil }

func (mysql) resolve(context.Context, *sql.DB, string) edit.State { return edit.Unknown }

func (m mysql) run(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	var written []*edit.Op
	var err error
	switch {
	case ops[0].Kind == edit.Insert:
		return m.insert(ctx, l, ops, out)
	case ops[0].Kind == edit.Update && len(ops) > 1 && !l.oneByOne && joinable(ops[0]):
		written, err = m.join(ctx, l, ops)
	default:
		written, err = m.loop(ctx, l, ops, out)
	}
	if err != nil {
		return err
	}
	return m.readBack(ctx, l, written, out)
}

// joinable reports whether many rows can be updated by one statement: keys and
// versions that compare without a collation.
func joinable(op *edit.Op) bool {
	plan := op.Table.Plan()
	_, versioned := plan.Version()
	for i := range plan.Key().All() {
		if plan.Fields()[i].Kind != rowmap.Int {
			return false
		}
	}
	return versioned
}

// join updates rows with a statement for each chunk of them. Unless it wrote
// all, nobody knows which.
func (m mysql) join(ctx context.Context, l *link, ops []*edit.Op) ([]*edit.Op, error) {
	s := shapeOf(ops[0], true)
	for rest := ops; len(rest) > 0; {
		chunk := rest[:s.chunk(len(rest))]
		rest = rest[len(chunk):]
		args, err := s.arguments(m, chunk...)
		if err != nil {
			return nil, err
		}
		text := l.text(textKey{shape: s, form: ofMany, rows: len(chunk)}, func(b *builder) { b.join(&s, len(chunk)) })
		_, n, err := l.exec(ctx, text, args)
		if err != nil && understand(m, err).state != edit.Failed {
			return nil, err
		}
		if err != nil || n != int64(len(chunk)) {
			return nil, errOneByOne
		}
	}
	return ops, nil
}

// join adds the statement that updates rows, in the order in which they are
// given.
func (b *builder) join(s *shape, rows int) {
	var first, others []string
	sets, conditions := s.clauses(b.engine, "t.", "t.", func(c *edit.Column) string {
		name := "c" + itoa(len(first)+1)
		others = append(others, exactly(c))
		first = append(first, exactly(c)+" AS "+name)
		return "d." + name
	})
	b.add("UPDATE (SELECT " + strings.Join(first, ", "))
	b.add(strings.Repeat(" UNION ALL SELECT "+strings.Join(others, ", "), rows-1))
	b.add(") AS d STRAIGHT_JOIN ")
	b.table(s.table)
	b.add(" AS t ON " + strings.Join(conditions, " AND ") + " SET " + strings.Join(sets, ", "))
}

// exactly is the placeholder of a value in a UNION, where a text would lose the
// spaces at its end.
func exactly(c *edit.Column) string {
	switch c.Kind {
	case rowmap.Bytes:
		return "CAST(? AS BINARY)"
	case rowmap.Text, rowmap.JSON, rowmap.JSONB, rowmap.Unknown:
		return "CONCAT(?)"
	default:
		return "?"
	}
}

// errOneByOne makes the transaction begin again without joins: rolling back to
// a savepoint would keep the locks, out of their order.
var errOneByOne = errors.New("edit: rows have to be written one by one")

// loop writes rows one by one, and returns those that were.
func (m mysql) loop(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) ([]*edit.Op, error) {
	var written []*edit.Op
	for _, op := range ops {
		n, err := m.write(ctx, l, op, true)
		if err != nil {
			if out.refuse(m, op, err) {
				continue
			}
			return nil, err
		}
		if n == 1 {
			written = append(written, op)
		}
	}
	return written, nil
}

// write updates or deletes one row, and returns how many that were.
func (m mysql) write(ctx context.Context, l *link, op *edit.Op, checked bool) (int64, error) {
	s := shapeOf(op, checked)
	args, err := s.arguments(m, op)
	if err != nil {
		return 0, err
	}
	_, n, err := l.exec(ctx, l.text(textKey{shape: s, form: ofOne}, func(b *builder) { b.single(&s) }), args)
	return n, err
}

// readBack reads what was written: the rows are locked by it.
func (m mysql) readBack(ctx context.Context, l *link, written []*edit.Op, out *outcomes) error {
	if len(written) == 0 {
		return nil
	}
	if written[0].Kind == edit.Delete {
		for _, op := range written {
			out.set(op, edit.Outcome{State: edit.Done})
		}
		return nil
	}
	for _, op := range written {
		out.set(op, edit.Outcome{State: edit.Done})
	}
	back := returns{ops: written}
	return m.read(ctx, l, written, func(row any) {
		if op := back.op(row); op != nil {
			out.set(op, edit.Outcome{State: edit.Done, Row: row})
		}
	})
}

func (m mysql) force(ctx context.Context, l *link, op *edit.Op) (any, bool, error) {
	// Without a version and clientFoundRows, no row counts that was as it
	// is to be: the row is locked, so that it is written all the same.
	if _, err := m.write(ctx, l, op, false); err != nil {
		return nil, false, err
	}
	if op.Kind == edit.Delete {
		return nil, true, nil
	}
	rows, err := m.lock(ctx, l, []*edit.Op{op})
	if err != nil {
		return nil, false, err
	}
	row, ok := rows[keyText(op.Table, op.Key())]
	return row, ok, nil
}

// lock implements engine.
func (m mysql) lock(ctx context.Context, l *link, ops []*edit.Op) (map[string]any, error) {
	rows := make(map[string]any, len(ops))
	err := m.read(ctx, l, ops, func(row any) { rows[rowKey(ops[0].Table, row)] = row })
	return rows, err
}

// read locks and reads the rows of operations.
func (m mysql) read(ctx context.Context, l *link, ops []*edit.Op, f func(row any)) error {
	plan := ops[0].Table.Plan()
	for len(ops) > 0 {
		n := chunk(len(ops), plan.Key().Len())
		b, err := selectKeys(m, ops[:n], plan.All(), " FOR UPDATE")
		if err != nil {
			return err
		}
		ops = ops[n:]
		err = l.query(ctx, b.String(), b.args, func(r *sql.Rows) error {
			row := plan.New()
			if err := plan.Scan(r, row, plan.All()); err != nil {
				return err
			}
			f(row)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// selectKeys is a SELECT of the rows of operations, in the order of their
// keys.
func selectKeys(e engine, ops []*edit.Op, columns edit.Columns, how string) (*builder, error) {
	t := ops[0].Table
	plan := t.Plan()
	b := newBuilder(e)
	b.add("SELECT ")
	b.columns(t, "", columns)
	b.add(" FROM ")
	b.table(t)
	b.add(" WHERE ")
	one := plan.Key().Len() == 1
	if one {
		b.columns(t, "", plan.Key())
		b.add(" IN (")
	}
	for n, op := range ops {
		if n > 0 {
			if one {
				b.add(", ")
			} else {
				b.add(" OR ")
			}
		}
		key := op.Key()
		if one {
			b.args = append(b.args, key[0])
			b.add(e.placeholder(len(b.args)))
			continue
		}
		b.add("(")
		if err := b.where(op); err != nil {
			return nil, err
		}
		b.add(")")
	}
	if one {
		b.add(")")
	}
	b.add(" ORDER BY ")
	b.columns(t, "", plan.Key())
	b.add(how)
	return b, nil
}

// unlocked implements engine.
func (m mysql) unlocked(ctx context.Context, l *link, ops []*edit.Op) (map[string]bool, bool, error) {
	if ops[0].Kind == edit.Insert {
		return nil, false, nil
	}
	t := ops[0].Table
	plan := t.Plan()
	keys, there := make(map[string]bool), make(map[string]bool)
	for _, pass := range []struct {
		how  string
		keys map[string]bool
	}{{" FOR UPDATE SKIP LOCKED", keys}, {"", there}} {
		b, err := selectKeys(m, ops, plan.Key(), pass.how)
		if err != nil {
			return nil, false, err
		}
		err = l.query(ctx, b.String(), b.args, func(r *sql.Rows) error {
			row := plan.New()
			if err := plan.Scan(r, row, plan.Key()); err != nil {
				return err
			}
			pass.keys[rowKey(t, row)] = true
			return nil
		})
		if err != nil {
			return nil, false, err
		}
	}
	for _, op := range ops {
		if key := keyText(t, op.Key()); !there[key] {
			keys[key] = true
		}
	}
	return keys, true, nil
}
