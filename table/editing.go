package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
	"github.com/vantage-go/live/internal/wait"
)

// Editing is what the edit sessions of a database's tables are saved with.
type Editing interface {
	// Writer saves them. It is asked for when Describe has succeeded, and ends
	// with the database.
	Writer() *edit.Writer
	// Describe returns the columns of a table as the catalogue has them. The
	// schema may be empty.
	Describe(ctx context.Context, schema, name string) ([]edit.Column, error)
}

// keeper is an [Editing] with an outbox, in which an earlier process may have left
// saves.
type keeper interface {
	Keeps() bool
}

// Edit opens an edit session on a row of the table, with a copy of the row as
// the database is known to have it. The session hears of what others change in
// the table; what it saves shows in the table at once, until the database
// refuses it. The error wraps ErrNotFound, and edit.ErrDeleted, if the set has no
// such row.
//
// It does no I/O but the first time for a table, when the database is asked for
// the columns, and with an outbox until what an earlier process left there is
// saved: see [LiveTable.Editor].
func (t *LiveTable[K, T]) Edit(id K) (*edit.RecordEdit[K, T], error) {
	editor, err := t.Editor(t.ctx)
	if err != nil {
		return nil, err
	}
	e, err := editor.Open(id)
	if errors.Is(err, edit.ErrDeleted) {
		return nil, fmt.Errorf("%w: table %s (%w)", ErrNotFound, t.core.schema.table, err)
	}
	if err != nil {
		return nil, fmt.Errorf("table: editing a row of %s: %w", t.core.schema.table, err)
	}
	return e, nil
}

// New opens an edit session on a row that does not exist yet, with v as its
// first values. If the table cannot be edited, that is what its saves return.
func (t *LiveTable[K, T]) New(v T) *edit.RecordEdit[K, T] {
	editor, err := t.Editor(t.ctx)
	if err == nil {
		return editor.New(v)
	}
	return t.core.refusing(err).New(v)
}

// Editor returns what the sessions of the table are opened with. The first call
// asks the database for the columns of the table. With an outbox it waits until
// what is left of the table was tried, see [LiveTable.Replayed]: longer than a
// moment where other transactions hold rows of it, or the database is away.
//
// Sessions of a table without a condition are saved in batches, with those of
// the other tables of the database. Those of one with a condition are saved one
// by one: the database looks at the condition under a lock, so that no save
// reaches a row outside of it.
func (t *LiveTable[K, T]) Editor(ctx context.Context) (*edit.Editor[K, T], error) {
	if t.ctx.Err() != nil {
		return nil, ErrClosed
	}
	s, replayed, err := t.core.editing.sessions(ctx, t.core)
	if err != nil {
		return nil, fmt.Errorf("table: %s cannot be edited: %w", t.core.schema.table, err)
	}
	if err := replayed.await(ctx); err != nil {
		return nil, fmt.Errorf("table: %s cannot be edited: %w", t.core.schema.table, err)
	}
	return s.editor, nil
}

// Replayed returns what became of the saves of the table that an earlier process
// left in the outbox, in the order in which they were accepted. It waits until
// they were tried, which begins when the table is opened. Those that were refused,
// as by a conflict, stay in the outbox, and come again in the next process, until
// [LiveTable.Discard]; [edit.Editor.Reopen] makes a session of one. Those that
// need another table, too, are tried when that is opened, and are missing until
// then. Without an outbox there are none.
func (t *LiveTable[K, T]) Replayed(ctx context.Context) ([]edit.Replayed, error) {
	editor, err := t.Editor(ctx)
	if err != nil {
		return nil, err
	}
	replayed, err := t.core.editing.started().writer.ReplayTable(ctx, editor)
	if err != nil {
		return nil, fmt.Errorf("table: replaying %s: %w", t.core.schema.table, err)
	}
	return replayed, nil
}

// Discard drops saves from the outbox that were refused when they were replayed.
func (t *LiveTable[K, T]) Discard(saves ...edit.Replayed) error {
	if s := t.core.editing.started(); s != nil {
		return s.writer.Discard(saves...)
	}
	return nil
}

// Flush waits until the saves of the table's sessions that were accepted before
// the call have ended, well or not. Where tables share a writer, it waits for
// theirs, too.
func (t *LiveTable[K, T]) Flush(ctx context.Context) error {
	if s := t.core.editing.started(); s != nil {
		return s.writer.Flush(ctx)
	}
	return nil
}

// editing makes what a core's rows are edited with, once it is needed.
type editing[K comparable, T any] struct {
	// editingMu guards the rest. It is held while the database is asked for the
	// columns.
	editingMu sync.Mutex
	made      *sessions[K, T]
	replaying *replaying // the last attempt
	closed    bool       // nothing is made any more, since nobody would end it
}

// sessions are the edit sessions of a core.
type sessions[K comparable, T any] struct {
	editor *edit.Editor[K, T]
	writer *edit.Writer
	own    bool // the writer is not shared
	keeps  bool // the writer has an outbox
}

// replaying is an attempt to save what is left in an outbox.
type replaying struct {
	done chan struct{} // closed when err is set
	err  error
}

func (r *replaying) await(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("what is left in the outbox is not saved yet: %w", ctx.Err())
	}
}

var errColumnsOnly = errors.New("it was opened with some of its columns only")

func (x *editing[K, T]) started() *sessions[K, T] {
	x.editingMu.Lock()
	defer x.editingMu.Unlock()
	return x.made
}

// sessions makes the sessions, and begins to replay the outbox, unless that is
// done.
func (x *editing[K, T]) sessions(ctx context.Context, c *core[K, T]) (*sessions[K, T], *replaying, error) {
	x.editingMu.Lock()
	defer x.editingMu.Unlock()
	if x.closed {
		return nil, nil, ErrClosed
	}
	if x.made != nil {
		if x.replaying.failed() {
			x.replaying = x.made.replay(c)
		}
		return x.made, x.replaying, nil
	}
	if c.schema.columns != c.schema.plan.All() {
		return nil, nil, errColumnsOnly
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := c.newSessions(ctx)
	if err != nil {
		return nil, nil, err
	}
	c.writeMu.Lock()
	c.touched = &touched[K]{keys: make(map[K]struct{}), news: make(chan struct{}, 1)}
	c.writeMu.Unlock()
	c.running.Go(func() { c.tellSessions(s.editor) })
	x.made, x.replaying = s, s.replay(c)
	return x.made, x.replaying, nil
}

// replay begins to save what is left in the outbox.
func (s *sessions[K, T]) replay(c *core[K, T]) *replaying {
	r := &replaying{done: make(chan struct{})}
	if !s.keeps {
		close(r.done)
		return r
	}
	c.running.Go(func() {
		defer close(r.done)
		if r.err = c.await(c.ctx, c.isLoaded); r.err == nil { // what is saved shows in the table
			_, r.err = s.writer.ReplayTable(c.ctx, s.editor)
		}
	})
	return r
}

// failed reports whether the attempt has failed.
func (r *replaying) failed() bool {
	select {
	case <-r.done:
		return r.err != nil
	default:
		return false
	}
}

// keeps reports whether the saves of sessions are kept in an outbox.
func (c *core[K, T]) keeps() bool {
	s, ok := c.source.(*sqlSource[K, T])
	if !ok || bounded(c.source) {
		return false
	}
	k, ok := s.db.Editing.(keeper)
	return ok && k.Keeps()
}

// replayLeft begins to save what an earlier process left in the outbox, once the
// database is there.
func (c *core[K, T]) replayLeft() {
	if !c.keeps() || c.editing.started() != nil {
		return
	}
	c.running.Go(func() {
		for c.ctx.Err() == nil {
			_, replayed, err := c.editing.sessions(c.ctx, c)
			if err == nil {
				err = replayed.await(c.ctx)
			}
			if err == nil || errors.Is(err, errColumnsOnly) || errors.Is(err, ErrClosed) || c.ctx.Err() != nil {
				return
			}
			select {
			case <-c.over: // the rows will never be there
				return
			default:
			}
			c.log.Warn("table: what is left in the outbox is not replayed yet", "table", c.schema.table, "err", err)
			_ = wait.For(c.ctx, patience) // the loop looks
		}
	})
}

// describe returns an editor of the rows, as far as their type tells.
func describe[K comparable, T any](schema *Schema[K, T]) (*edit.Editor[K, T], error) {
	t, err := edit.NewTable[T](schema.table, edit.Catalogue(keyColumns(schema.plan)))
	if err != nil {
		return nil, err
	}
	return edit.NewEditor[K, T](nil, t)
}

// refuser is a store that saves nothing.
type refuser struct{ why error }

func (r refuser) Apply(_ context.Context, ops []*edit.Op) []edit.Outcome {
	return slices.Repeat([]edit.Outcome{{State: edit.Failed, Err: r.why}}, len(ops))
}

func (r refuser) Read(context.Context, *edit.Table, []any) (any, error) { return nil, r.why }

// refusing returns an editor whose saves fail.
func (c *core[K, T]) refusing(why error) *edit.Editor[K, T] {
	return c.described.Over(edit.NewWriter(refuser{why}))
}

// newSessions makes the editor, and a writer unless the database has one that
// can reach no row outside of the set.
func (c *core[K, T]) newSessions(ctx context.Context) (*sessions[K, T], error) {
	schema, name, found := strings.Cut(c.schema.table, ".")
	if !found {
		schema, name = "", schema
	}
	columns := keyColumns(c.schema.plan)
	var shared Editing
	if s, ok := c.source.(*sqlSource[K, T]); ok && s.db.Editing != nil {
		var err error
		if columns, err = s.db.Editing.Describe(ctx, schema, name); err != nil {
			return nil, err
		}
		if !bounded(c.source) {
			shared = s.db.Editing
		}
	}
	t, err := edit.NewTable[T](name, edit.InSchema(schema), edit.Catalogue(columns))
	if err != nil {
		return nil, err
	}
	s := &sessions[K, T]{own: shared == nil, keeps: c.keeps()}
	if shared != nil {
		s.writer = shared.Writer()
	} else {
		s.writer = edit.NewWriter(&editStore[K, T]{source: c.source}, edit.Log(c.log))
	}
	editor, err := edit.NewEditor[K, T](s.writer, t)
	if err != nil {
		return nil, err
	}
	s.editor = editor.On(&display[K, T]{c})
	return s, nil
}

// keyColumns are the columns of a plan of which no catalogue tells.
func keyColumns(plan *rowmap.Plan) []edit.Column {
	columns := make([]edit.Column, 0, len(plan.Fields()))
	key := plan.Key()
	for i, f := range plan.Fields() {
		c := f.Column
		c.Key = key.Has(i)
		columns = append(columns, c)
	}
	return columns
}

// close ends the writer if it is the core's own. The error is an
// *edit.UnflushedError with the saves that had not ended by then.
func (x *editing[K, T]) close() error {
	x.editingMu.Lock()
	s := x.made
	x.closed = true
	x.editingMu.Unlock()
	if s != nil && s.own {
		return s.writer.Close()
	}
	return nil
}

// touched are the keys of rows of which sessions have to be told.
type touched[K comparable] struct {
	keys map[K]struct{} // guarded by core.writeMu
	news chan struct{}  // holds a value when there are keys
}

// touch notes that sessions on a row may have to be told of it. It is called
// under writeMu.
func (c *core[K, T]) touch(key K) {
	if c.touched == nil {
		return
	}
	c.touched.keys[key] = struct{}{}
	select {
	case c.touched.news <- struct{}{}:
	default:
	}
}

// toldAtOnce is how many keys are told of before the writer gets on.
const toldAtOnce = 256

// tellSessions tells sessions what others have changed.
func (c *core[K, T]) tellSessions(editor *edit.Editor[K, T]) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.touched.news:
		}
		c.writeMu.Lock()
		keys := make([]K, 0, len(c.touched.keys))
		for k := range c.touched.keys {
			keys = append(keys, k)
		}
		clear(c.touched.keys)
		c.writeMu.Unlock()
		for some := range slices.Chunk(keys, toldAtOnce) {
			editor.Refresh(some...)
		}
	}
}
