package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// postgres makes statements for PostgreSQL. Values travel as text and are cast
// to the types of their columns, so that all drivers send the same.
type postgres struct {
	sequencesMu sync.Mutex
	sequences   map[*edit.Table]string // of the key, "" if there is none
}

func (*postgres) quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func (*postgres) placeholder(n int) string { return "$" + strconv.Itoa(n) }

func (*postgres) settings(s *Store) []string {
	return []string{
		fmt.Sprintf("SET lock_timeout = %d", max(s.lockWait.Milliseconds(), 1)),
		// A statement that is a transaction by itself waits for others, and looks again,
		// as those between BEGIN and COMMIT do; what an update knows of its table is looked
		// at under the table's lock: see learn.
		"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
		// The first executions of a statement would be planned for the number of their
		// rows, and a batch of 1000 read all of a table of 100000 rows, which takes six
		// times as long as to find each row by its key, and locks them in another order.
		"SET plan_cache_mode = force_generic_plan",
	}
}

func (*postgres) begin(ctx context.Context, l *link) error {
	return l.plain(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED")
}

func (*postgres) mark(ctx context.Context, l *link) (string, error) {
	var mark string
	err := l.query(ctx, "SELECT pg_current_xact_id()::text", nil, func(rows *sql.Rows) error { return rows.Scan(&mark) })
	return mark, err
}

// resolve asks the server what became of a transaction.
func (*postgres) resolve(ctx context.Context, db *sql.DB, mark string) edit.State {
	for {
		var status sql.NullString
		err := db.QueryRowContext(ctx, "SELECT pg_xact_status($1::text::xid8)", mark).Scan(&status)
		switch {
		case err != nil || !status.Valid:
			return edit.Unknown
		case status.String == "committed":
			return edit.Done
		case status.String == "aborted":
			return edit.Transient
		}
		select { // in progress: the server has not noticed yet
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return edit.Unknown
		}
	}
}

func (p *postgres) run(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	if err := typesKnown(ops[0].Table); err != nil {
		return err
	}
	if ops[0].Kind == edit.Insert {
		return p.insert(ctx, l, ops, out)
	}
	f := l.determined(ops)
	switch {
	case f != nil && len(ops) == 1:
		return p.oneDetermined(ctx, l, f, ops[0], out)
	case f != nil:
		return p.manyDetermined(ctx, l, f, ops, out)
	case len(ops) == 1:
		return p.one(ctx, l, ops[0], true, out)
	}
	return p.many(ctx, l, ops, out)
}

// oneDetermined writes one row that need not come back.
func (p *postgres) oneDetermined(ctx context.Context, l *link, f *facts, op *edit.Op, out *outcomes) error {
	s := shapeOf(op, true)
	args, err := s.arguments(p, op)
	if err != nil {
		return err
	}
	text := l.text(textKey{shape: s, form: ofOneDetermined, facts: f}, func(b *builder) {
		b.single(&s)
		b.add(" AND " + f.guard)
	})
	switch _, n, err := l.exec(ctx, text, args); {
	case err != nil:
		return err
	case n == 1:
		return l.took(out, op, f.done(out, op))
	case n > 1:
		return l.took(out, op, errTwoRows(op.Table))
	}
	return nil
}

// took deals with an error of this program's own about a row that was written. Where
// nothing can be taken back, the operation ends by that, and the others go on.
func (l *link) took(out *outcomes, op *edit.Op, err error) error {
	if err == nil || !l.alone {
		return err
	}
	err = fmt.Errorf("%w: the row was written, and cannot be read: %w", edit.ErrOutcomeUnknown, err)
	out.set(op, edit.Outcome{State: edit.Failed, Err: err})
	return nil
}

// manyDetermined writes many rows with one statement, which tells which were
// written in one text.
func (p *postgres) manyDetermined(ctx context.Context, l *link, f *facts, ops []*edit.Op, out *outcomes) error {
	s := shapeOf(ops[0], true)
	args, err := s.arrays(ops)
	if err != nil {
		return err
	}
	text := l.text(textKey{shape: s, form: ofManyDetermined, facts: f}, func(b *builder) {
		b.add("WITH u AS (")
		p.unnested(b, &s, ops)
		b.add(" AND " + f.guard + " RETURNING d.ord) SELECT array_agg(ord)::text, pg_current_xact_id()::text FROM u")
	})
	var written sql.NullString
	err = l.query(ctx, text, args, func(rows *sql.Rows) error { return rows.Scan(&written, &l.mark) })
	if err != nil || !written.Valid {
		return err
	}
	first := out.at(ops[0])
	for number := range strings.SplitSeq(strings.Trim(written.String, "{}"), ",") {
		ord, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		op := ops[ord-1]
		out.hint(first + ord - 1)
		if out.has(op) {
			err = errTwoRows(op.Table)
		} else {
			err = f.done(out, op)
		}
		if err := l.took(out, op, err); err != nil {
			return err
		}
	}
	return nil
}

func errTwoRows(t *edit.Table) error {
	return fmt.Errorf("edit: table %s: two rows have one key", t.Name)
}

func typesKnown(t *edit.Table) error {
	for i := range t.Plan().Fields() {
		if t.Plan().Fields()[i].Column.Type == "" {
			return fmt.Errorf("edit: table %s: the type of column %s is not known: describe the table with Catalogue",
				t.Name, t.Plan().Fields()[i].Name)
		}
	}
	return nil
}

// one writes one row.
func (p *postgres) one(ctx context.Context, l *link, op *edit.Op, checked bool, out *outcomes) error {
	s := shapeOf(op, checked)
	args, err := s.arguments(p, op)
	if err != nil {
		return err
	}
	text := l.text(textKey{shape: s, form: ofOne}, func(b *builder) {
		b.single(&s)
		b.add(" RETURNING ")
		b.columns(op.Table, "", op.Table.Plan().All())
	})
	return l.query(ctx, text, args, func(rows *sql.Rows) error {
		row := op.Table.Plan().New()
		err := op.Table.Plan().Scan(rows, row, op.Table.Plan().All())
		if err == nil && out.has(op) {
			err = errTwoRows(op.Table)
		}
		if err != nil {
			return l.took(out, op, err)
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row})
		return nil
	})
}

// source adds unnest(…) of columns of the operations, and returns how each is
// called.
type source struct {
	b     *builder
	ops   []*edit.Op
	names []string
	types []string
}

// column adds the values of a column and returns the expression of one.
func (s *source) column(c *edit.Column, value func(op *edit.Op) any) (string, error) {
	var a arrayText
	for _, op := range s.ops {
		if err := a.value(c, value(op)); err != nil {
			return "", err
		}
	}
	s.b.args = append(s.b.args, a.text())
	return s.name(c), nil
}

// name adds a column without its values, and returns the expression of one.
func (s *source) name(c *edit.Column) string {
	name := "c" + strconv.Itoa(len(s.names)+1)
	s.names = append(s.names, name)
	if arrayable[c.Type] {
		s.types = append(s.types, c.Type)
		return "d." + name
	}
	s.types = append(s.types, "text")
	return "d." + name + cast(c)
}

// arrayable are types whose values need not be cast from text one by one: the
// server reads an array of them just as it reads them from text. Others may be
// arrays themselves, or have none.
var arrayable = map[string]bool{
	"smallint": true, "integer": true, "bigint": true, "real": true, "double precision": true, "numeric": true,
	"boolean": true, "uuid": true, "date": true, "timestamp without time zone": true, "timestamp with time zone": true,
}

// unnest is the table of all columns that were added.
func (s *source) unnest(alias string) string {
	var b strings.Builder
	b.WriteString("unnest(")
	for i := range s.names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1) + "::" + s.types[i] + "[]")
	}
	b.WriteString(") WITH ORDINALITY AS " + alias + "(" + strings.Join(s.names, ", ") + ", ord)")
	return b.String()
}

// many writes many rows with one statement.
func (p *postgres) many(ctx context.Context, l *link, ops []*edit.Op, out *outcomes) error {
	s := shapeOf(ops[0], true)
	args, err := s.arrays(ops)
	if err != nil {
		return err
	}
	form, before := ofMany, []any(nil)
	if l.mark == "" && p.marks(l, ops) {
		form, before = ofManyMarked, []any{markTo{&l.mark}}
	}
	text := l.text(textKey{shape: s, form: form}, func(b *builder) {
		p.unnested(b, &s, ops)
		b.add(" RETURNING d.ord, ")
		if form == ofManyMarked {
			b.add("CASE WHEN d.ord = 1 THEN pg_current_xact_id()::text END, ")
		}
		b.columns(s.table, "t.", s.table.Plan().All())
	})
	return p.collect(ctx, l, text, args, ops, out, before...)
}

// markTo takes the mark of the transaction from the row that has it.
type markTo struct{ mark *string }

// Scan implements [sql.Scanner].
func (m markTo) Scan(src any) error {
	var text sql.NullString
	err := text.Scan(src)
	if text.Valid {
		*m.mark = text.String
	}
	return err
}

// markedRows is up to how many rows a statement returns the mark of its transaction
// beside the first: for more, to ask for it costs less than a column.
const markedRows = 128

// marks reports whether the statement of a run returns the mark of its transaction,
// if it has none. One that is a transaction by itself does: nobody can ask for it. If
// the first row is not written, it has to be asked for after all.
func (p *postgres) marks(l *link, ops []*edit.Op) bool {
	switch {
	case len(ops) == 1, ops[0].Kind == edit.Insert, l.oneByOne:
		return false
	case l.alone, l.determined(ops) != nil:
		return true
	}
	return len(ops) <= markedRows
}

// unnested adds the statement for many rows, without what it returns.
func (p *postgres) unnested(b *builder, s *shape, ops []*edit.Op) {
	d := &source{b: b, ops: ops}
	sets, conditions := s.clauses(p, "", "t.", d.name)
	verb, set, from := "UPDATE ", " AS t SET "+strings.Join(sets, ", "), " FROM "
	if s.kind == edit.Delete {
		verb, set, from = "DELETE FROM ", " AS t", " USING "
	}
	b.add(verb)
	b.table(s.table)
	b.add(set + from + d.unnest("d") + " WHERE " + strings.Join(conditions, " AND "))
}

// arrays are the values of operations, as an array for each column.
func (s *shape) arrays(ops []*edit.Op) ([]any, error) {
	columns := make([]arrayText, s.width())
	for _, op := range ops {
		n := 0
		err := s.values(op, func(c *edit.Column, v any) error {
			n++
			return columns[n-1].value(c, v)
		})
		if err != nil {
			return nil, err
		}
	}
	args := make([]any, len(columns))
	for i := range columns {
		args[i] = columns[i].text()
	}
	return args, nil
}

// collect reads rows that are numbered by their operation, with more before their
// columns.
func (p *postgres) collect(ctx context.Context, l *link, text string, args []any, ops []*edit.Op, out *outcomes, before ...any) error {
	var ord int
	first := out.at(ops[0])
	reader := ops[0].Table.Plan().Reader(ops[0].Table.Plan().All(), append([]any{rowmap.Integer[int]{To: &ord}}, before...)...)
	return l.query(ctx, text, args, func(rows *sql.Rows) error {
		ord = 0
		row, err := reader.Read(rows)
		if ord == 0 { // not even that was read
			return err
		}
		op := ops[ord-1]
		out.hint(first + ord - 1)
		if err == nil && out.has(op) {
			err = errTwoRows(op.Table)
		}
		if err != nil {
			return l.took(out, op, err)
		}
		out.set(op, edit.Outcome{State: edit.Done, Row: row})
		return nil
	})
}

// force implements engine.
func (p *postgres) force(ctx context.Context, l *link, op *edit.Op) (any, bool, error) {
	if err := typesKnown(op.Table); err != nil {
		return nil, false, err
	}
	out := outcomesOf([]*edit.Op{op})
	err := p.one(ctx, l, op, false, out)
	return out.of(op).Row, out.has(op), err
}

// lock implements engine.
func (p *postgres) lock(ctx context.Context, l *link, ops []*edit.Op) (map[string]any, error) {
	t := ops[0].Table
	plan := t.Plan()
	rows := make(map[string]any, len(ops))
	b, err := p.lockText(ops, plan.All(), " FOR NO KEY UPDATE OF t")
	if err != nil {
		return nil, err
	}
	err = l.query(ctx, b.String(), b.args, func(r *sql.Rows) error {
		row := plan.New()
		if err := plan.Scan(r, row, plan.All()); err != nil {
			return err
		}
		rows[rowKey(t, row)] = row
		return nil
	})
	return rows, err
}

// lockText is a SELECT of the rows of operations, in the order of their keys.
func (p *postgres) lockText(ops []*edit.Op, columns edit.Columns, how string) (*builder, error) {
	t := ops[0].Table
	plan := t.Plan()
	b := newBuilder(p)
	s := &source{b: b, ops: ops}
	var conditions, order []string
	n := 0
	for i := range plan.Key().All() {
		f := &plan.Fields()[i]
		at := n
		value, err := s.column(&f.Column, func(op *edit.Op) any { return op.Key()[at] })
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, "t."+p.quote(f.Name)+" = "+value)
		order = append(order, "t."+p.quote(f.Name))
		n++
	}
	b.add("SELECT ")
	b.columns(t, "t.", columns)
	b.add(" FROM ")
	b.table(t)
	b.add(" AS t JOIN " + s.unnest("d") + " ON " + strings.Join(conditions, " AND ") + " ORDER BY " + strings.Join(order, ", ") + how)
	return b, nil
}

// unlocked implements engine.
func (p *postgres) unlocked(ctx context.Context, l *link, ops []*edit.Op) (map[string]bool, bool, error) {
	if ops[0].Kind == edit.Insert {
		return nil, false, nil
	}
	t := ops[0].Table
	plan := t.Plan()
	keys := make(map[string]bool)
	there := make(map[string]bool)
	for _, pass := range []struct {
		how  string
		keys map[string]bool
	}{{" FOR NO KEY UPDATE OF t SKIP LOCKED", keys}, {"", there}} {
		b, err := p.lockText(ops, plan.Key(), pass.how)
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
	for _, op := range ops { // what is not there is not locked
		if key := keyText(t, op.Key()); !there[key] {
			keys[key] = true
		}
	}
	return keys, true, nil
}
