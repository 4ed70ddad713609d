package edit

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

// Ref names a session for as long as the program runs. It stays the same when
// a new record gets its key.
type Ref uint64

func (r Ref) String() string { return "ref-" + strconv.FormatUint(uint64(r), 36) }

var lastRef atomic.Uint64

// noCopy has vet find copies of a session.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// RecordEdit is an edit session on one record. It belongs to one goroutine.
type RecordEdit[K comparable, T any] struct {
	// V is the caller's own copy of the record, to read and to write to.
	V T

	_       noCopy
	s       session
	editor  *Editor[K, T]
	ref     Ref
	cleanup runtime.Cleanup
}

// ID returns the key of the record, the zero key as long as it has none.
func (e *RecordEdit[K, T]) ID() K {
	e.s.settle()
	k, _ := e.s.key().(K)
	return k
}

// Ref returns a name of the session that does not change.
func (e *RecordEdit[K, T]) Ref() Ref { return e.ref }

// IsNew reports whether the record is not in the database yet.
func (e *RecordEdit[K, T]) IsNew() bool {
	e.s.settle()
	return e.s.isNew
}

// Phase returns where the session stands.
func (e *RecordEdit[K, T]) Phase() Phase { return e.s.phase() }

// Err returns why the last save failed, nil if none has since.
func (e *RecordEdit[K, T]) Err() error {
	e.s.settle()
	return e.s.failed
}

// Snapshot returns a copy of the record as it is in the database, as far as
// the session has taken that in. A new record's is the zero value.
func (e *RecordEdit[K, T]) Snapshot() T {
	e.s.settle()
	return *e.s.table.plan.Clone(e.s.snap).(*T)
}

// SnapshotTime returns when the snapshot was taken.
func (e *RecordEdit[K, T]) SnapshotTime() time.Time {
	e.s.settle()
	return e.s.snapAt
}

// Modified returns the columns in which V differs from the snapshot, in the
// order of the fields. It is computed: about 5 ns for a field.
func (e *RecordEdit[K, T]) Modified() []string {
	e.s.settle()
	return e.s.table.plan.Names(e.s.table.plan.Diff(&e.V, e.s.snap))
}

// IsModified reports whether V differs from the snapshot in a column, named as
// in the table or as in the struct.
func (e *RecordEdit[K, T]) IsModified(field string) bool {
	e.s.settle()
	i, ok := e.s.table.plan.Index(field)
	return ok && !e.s.table.plan.Same(&e.V, e.s.snap, i)
}

// Dirty reports whether V differs from the snapshot at all.
func (e *RecordEdit[K, T]) Dirty() bool {
	e.s.settle()
	differ := e.s.table.plan.Diff(&e.V, e.s.snap)
	return !differ.Empty()
}

// Change is one modified field.
type Change struct {
	Field    string // the column
	Old      any    // in the snapshot
	New      any    // in V
	Remote   any    // what others have made of it; Old if they have not
	Conflict bool   // New and Remote are both changes, and differ
}

// Changes yields the modified fields in the order of the columns. V must not
// be written to meanwhile.
func (e *RecordEdit[K, T]) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		e.s.settle()
		plan := e.s.table.plan
		conflicts := e.s.conflicts()
		diff := plan.Diff(&e.V, e.s.snap)
		for i := range diff.All() {
			c := Change{
				Field: plan.Fields()[i].Name, Old: plan.Value(e.s.snap, i), New: plan.Value(&e.V, i),
				Conflict: conflicts.Has(i),
			}
			c.Remote = c.Old
			if e.s.theirs != nil {
				c.Remote = plan.Value(e.s.theirs, i)
			}
			if !yield(c) {
				return
			}
		}
	}
}

// Conflicts returns the fields that others changed, too, and differently, as
// far as is known.
func (e *RecordEdit[K, T]) Conflicts() []FieldConflict {
	e.s.settle()
	return e.s.describe()
}

// Revert makes V what the snapshot is, and takes back saves that have not been
// sent; one that has goes on. In a conflict V becomes what others have made of
// the record.
func (e *RecordEdit[K, T]) Revert() {
	e.s.settle()
	if !e.s.closed {
		e.s.revert(e.s.table.plan.All())
	}
}

// RevertField is Revert for one field, named as in the table or as in the
// struct.
func (e *RecordEdit[K, T]) RevertField(field string) error {
	e.s.settle()
	i, ok := e.s.table.plan.Index(field)
	switch {
	case e.s.closed:
		return ErrClosed
	case !ok:
		return fmt.Errorf("edit: %s has no field %q", e.s.table.Name, field)
	}
	var one Columns
	one.Set(i)
	e.s.revert(one)
	return nil
}

// Save writes what was changed and waits until the database has it. A record
// without changes is not sent. Errors are those of this package; whatever
// happens, V keeps what was typed.
//
// When the context ends before the save was sent, the save is withdrawn and
// the context's error returned; later the save goes on, and a
// [*StillSavingError] is returned. Save waits for room in a full queue.
//
// With a context that cannot end, the calling goroutine sends the save itself
// when the writer is idle; else the writer's does, and two switches between
// goroutines are the price of being able to give up.
func (e *RecordEdit[K, T]) Save(ctx context.Context) (Result[K, T], error) {
	return e.run(ctx, Update, false)
}

// TrySave is Save, but returns [ErrQueueFull] instead of waiting for room.
func (e *RecordEdit[K, T]) TrySave(ctx context.Context) (Result[K, T], error) {
	return e.run(ctx, Update, true)
}

// Delete deletes the record and waits until that is done. V stays as it is.
// Changes that others made since the snapshot are a conflict, unless the
// policy is KeepMine. A record that is gone already is no error.
func (e *RecordEdit[K, T]) Delete(ctx context.Context) (Result[K, T], error) {
	return e.run(ctx, Delete, false)
}

func (e *RecordEdit[K, T]) run(ctx context.Context, kind OpKind, try bool) (Result[K, T], error) {
	// A context that can end may end while the save is sent: then someone else
	// must be sending it.
	p, done := e.s.save(ctx, kind, admission{try: try, here: ctx.Done() == nil}, new(pending))
	if !done.ended() {
		select {
		case <-done.end():
		case <-ctx.Done():
			if p != nil && e.s.writer.withdraw(p) {
				e.s.saves = e.s.saves[:len(e.s.saves)-1]
				return Result[K, T]{}, ctx.Err()
			}
			return Result[K, T]{}, &StillSavingError{Table: e.s.table.Name, Done: done.end(), Err: ctx.Err()}
		}
	}
	e.s.settle()
	return typed(e.editor, done)
}

// SaveAsync accepts what was changed for writing and returns at once. V may be
// changed meanwhile: what was typed since stays modified. When the queue is
// full, the save ends at once with [ErrQueueFull].
func (e *RecordEdit[K, T]) SaveAsync() *Pending[K, T] {
	return e.async(Update)
}

// DeleteAsync is Delete without waiting.
func (e *RecordEdit[K, T]) DeleteAsync() *Pending[K, T] {
	return e.async(Delete)
}

func (e *RecordEdit[K, T]) async(kind OpKind) *Pending[K, T] {
	h := &handle[K, T]{handed: Pending[K, T]{editor: e.editor}}
	_, h.handed.inner = e.s.save(context.Background(), kind, admission{try: true}, &h.fresh)
	return &h.handed
}

// RefreshSnapshot reads the record anew and merges what others changed into V:
// fields that were not modified here follow, those that were stay. It returns
// the fields that both sides changed differently. The deletion of the record
// is [ErrDeleted].
func (e *RecordEdit[K, T]) RefreshSnapshot(ctx context.Context) ([]FieldConflict, error) {
	e.s.settle()
	switch {
	case e.s.closed:
		return nil, ErrClosed
	case e.s.isNew:
		return nil, nil
	case len(e.s.saves) > 0:
		return e.s.refresh(nil) // what is read now may be older than the save
	}
	key := e.s.key()
	var read any
	err := e.s.writer.read(ctx, e.s.table, key, e.s.box.display, func(row any, after func(known any) bool) error {
		r := e.s.box.record
		if read = row; after == nil {
			read = r.base
		} else if r.inflight == nil {
			e.s.writer.observed(r, row, Remote)
			r.saw(after)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w (refreshing)", err)
	}
	return e.s.refresh(read)
}

// Merge is RefreshSnapshot without reading: it takes in what is known of the
// changes of others.
func (e *RecordEdit[K, T]) Merge() ([]FieldConflict, error) {
	if e.s.closed {
		return nil, ErrClosed
	}
	return e.s.refresh(nil)
}

// Resolve settles the conflicts with what others changed. What the policy
// leaves open is returned as a [*ConflictError].
func (e *RecordEdit[K, T]) Resolve(policy Policy) error { return e.s.resolve(policy) }

// Recreate makes a session whose record was deleted one for a new record with
// the same key and the values of V. The next save inserts it.
func (e *RecordEdit[K, T]) Recreate() error {
	e.s.settle()
	switch {
	case e.s.closed:
		return ErrClosed
	case !e.s.gone:
		return fmt.Errorf("edit: %s: the record was not deleted", e.s.table.Name)
	}
	box, _, err := e.s.writer.open(e.editor.opening(opening{isNew: true}))
	if err != nil {
		return err
	}
	e.s.writer.close(e.s.box)
	e.cleanup.Stop()
	e.s.box, e.s.isNew, e.s.gone, e.s.failed, e.s.theirs = box, true, false, nil, nil
	e.s.snap = e.s.table.plan.New()
	e.s.saves = nil
	if i, ok := e.s.table.plan.Version(); ok && !e.s.table.plan.Zero(&e.V, i) {
		// Who still has the row that was deleted must not find this one unchanged.
		_ = e.s.table.plan.Count(&e.V, i)
	}
	e.cleanup = watch(e, e.s.writer, box)
	return nil
}

// Link makes a field of V, given by its address, refer to another record,
// which may be new: the field gets its key as soon as that has one, and a save
// waits for the save of that record. In an untyped record, field is the name
// of a column.
func (e *RecordEdit[K, T]) Link(field any, to Linked) error {
	i, ok := e.s.table.plan.FieldAt(&e.V, field)
	if name, isName := field.(string); isName {
		i, ok = e.s.table.plan.Index(name)
	}
	parent := to.sessionOf()
	switch {
	case e.s.closed || parent.closed:
		return ErrClosed
	case !ok:
		return fmt.Errorf("edit: %s: no such field to link", e.s.table.Name)
	case parent.writer != e.s.writer || parent == &e.s:
		return fmt.Errorf("edit: %s: cannot be linked to that record of %s", e.s.table.Name, parent.table.Name)
	}
	e.s.links = append(e.s.links, parentLink{column: i, parent: parent.box})
	e.s.fillLinks()
	return nil
}

// Linked is a session, of whatever types.
type Linked interface{ sessionOf() *session }

func (e *RecordEdit[K, T]) sessionOf() *session { return &e.s }

// Close ends the session. What was typed and not saved is dropped; saves that
// were accepted go on. V can still be read.
func (e *RecordEdit[K, T]) Close() error {
	if !e.s.closed {
		e.s.closed = true
		e.cleanup.Stop()
		e.s.writer.close(e.s.box)
	}
	return nil
}

// CloseChecked is Close, but returns an [*UnsavedError] and leaves the session
// open when V is modified.
func (e *RecordEdit[K, T]) CloseChecked() error {
	if e.s.closed {
		return nil
	}
	if fields := e.Modified(); len(fields) > 0 {
		return &UnsavedError{Table: e.s.table.Name, Fields: fields}
	}
	return e.Close()
}

// isNil reports whether a value is a nil pointer, slice or map, or an invalid
// one of database/sql's types.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return r.IsNil()
	case reflect.Struct:
		valid := r.FieldByName("Valid")
		return valid.IsValid() && valid.Kind() == reflect.Bool && !valid.Bool()
	default:
		return false
	}
}
