package edit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Editor opens sessions on the records of one table. It may be used
// concurrently.
type Editor[K comparable, T any] struct {
	writer *Writer
	table  *Table
	keyOf  func(row any) (any, error)
	// display shows what the sessions save, if it is not nil.
	display Display
}

// NewEditor returns an editor for a table whose keys are K and whose rows are
// T, the type that the table was described with.
func NewEditor[K comparable, T any](w *Writer, t *Table) (*Editor[K, T], error) {
	if !t.plan.Is((*T)(nil)) {
		return nil, fmt.Errorf("edit: rows of table %s are not %v", t.Name, reflect.TypeFor[T]())
	}
	key := reflect.TypeFor[K]()
	if err := t.plan.KeyType(key); err != nil {
		return nil, err
	}
	return &Editor[K, T]{writer: w, table: t, keyOf: func(row any) (any, error) { return t.plan.KeyOf(row, key) }}, nil
}

// Table returns what the editor edits.
func (d *Editor[K, T]) Table() *Table { return d.table }

// Edit opens a session on a record, which is read from the store. A record
// that does not exist is [ErrDeleted].
func (d *Editor[K, T]) Edit(ctx context.Context, id K) (*RecordEdit[K, T], error) {
	var e *RecordEdit[K, T]
	err := d.writer.read(ctx, d.table, id, d.display, func(row any, after func(known any) bool) error {
		if row == nil && (after != nil || d.display == nil) {
			return gone(d.table, id)
		}
		box, row, err := d.writer.opened(d.opening(opening{key: id, row: row, after: after, known: after == nil && d.display != nil}))
		if err != nil {
			return err
		}
		e = d.begin(box, row)
		return nil
	})
	return e, err
}

// EditRow opens a session on a record that the caller has read. The row is
// copied.
func (d *Editor[K, T]) EditRow(id K, row T) (*RecordEdit[K, T], error) {
	return d.start(id, d.table.plan.Clone(&row))
}

// start opens a session on a row that nobody else writes to.
func (d *Editor[K, T]) start(id K, row any) (*RecordEdit[K, T], error) {
	box, row, err := d.writer.open(d.opening(opening{key: id, row: row}))
	if err != nil {
		return nil, err
	}
	return d.begin(box, row), nil
}

// begin returns a session whose V is a row.
func (d *Editor[K, T]) begin(box *inbox, row any) *RecordEdit[K, T] {
	e := d.session(box, row)
	d.table.plan.CopyAll(&e.V, row)
	return e
}

// New opens a session on a record that does not exist yet, with v as its first
// values. It does no I/O. After the writer was shut down the session is closed
// from the start.
func (d *Editor[K, T]) New(v T) *RecordEdit[K, T] {
	box, _, err := d.writer.open(d.opening(opening{isNew: true}))
	if err != nil {
		e := &RecordEdit[K, T]{editor: d}
		e.s = session{writer: d.writer, table: d.table, box: &inbox{table: d.table, closed: true, record: &record{}}, snap: d.table.plan.New(), policy: &d.table.policy, closed: true}
		e.V = v
		e.s.v = &e.V
		return e
	}
	e := d.session(box, d.table.plan.New())
	d.table.plan.CopyAll(&e.V, &v)
	e.s.isNew = true
	return e
}

// opening completes what a session is opened with.
func (d *Editor[K, T]) opening(o opening) opening {
	o.table, o.display, o.keyOf = d.table, d.display, d.keyOf
	return o
}

func (d *Editor[K, T]) session(box *inbox, snap any) *RecordEdit[K, T] {
	e := &RecordEdit[K, T]{editor: d, ref: Ref(lastRef.Add(1))}
	e.s = session{
		writer: d.writer, table: d.table, box: box, snap: snap, snapAt: time.Now(), policy: &d.table.policy,
	}
	e.s.v = &e.V
	e.cleanup = watch(e, d.writer, box)
	return e
}

// Observe tells open sessions that others wrote a record: row is what the
// database has now. Rows of a version that is known already are ignored, unless
// that is known only by what a session has saved. Of a
// table without a version, what was read before a save of the record was
// acknowledged must not be told after it.
func (d *Editor[K, T]) Observe(id K, row T) {
	d.writer.observe(d.table, id, d.table.plan.Clone(&row), Remote)
}

// ObserveDeleted tells open sessions that others deleted a record.
func (d *Editor[K, T]) ObserveDeleted(id K) { d.writer.observe(d.table, id, nil, Remote) }

// Update changes a record by a function: it opens a session, has f change the
// value, and saves. No change is lost that others make of the same fields
// meanwhile, not even one to the same value: f gets the new value then, a few
// times if another program was quicker, and until the context ends if it was
// this one. Conflicts are not for the policy of the table.
func (d *Editor[K, T]) Update(ctx context.Context, id K, f func(*T) error) (Result[K, T], error) {
	for tries := 0; ; {
		result, err := d.update(ctx, id, f)
		var c *ConflictError
		if !errors.As(err, &c) || c.Deleted {
			return result, err
		}
		if c.Origin == Remote {
			if tries++; tries > maxUpdates {
				return result, err
			}
		}
		if err := d.writer.settled(ctx, recordKey{d.table, id}); err != nil {
			return Result[K, T]{}, err
		}
	}
}

// maxUpdates is how often Update tries again when another program was quicker.
const maxUpdates = 10

func (d *Editor[K, T]) update(ctx context.Context, id K, f func(*T) error) (Result[K, T], error) {
	e, err := d.Edit(ctx, id)
	if err != nil {
		return Result[K, T]{}, err
	}
	defer func() { _ = e.Close() }()
	e.s.policy = &Policy{kind: strictly}
	if err := f(&e.V); err != nil {
		return Result[K, T]{}, err
	}
	return e.Save(ctx)
}

// Flush is [Writer.Flush].
func (d *Editor[K, T]) Flush(ctx context.Context) error { return d.writer.Flush(ctx) }
