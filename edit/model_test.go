package edit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/vantage-go/live/edit"
)

// TestModel has sessions, other programs and a failing database do anything in
// any order, and holds what happens against what may. Every value is written
// once in a run, so that it tells who wrote it.
//
//   - No lost update: a session overwrites only what it has seen, or what a
//     session of this program was saving at the same time.
//   - No lost draft: what was typed stays in V until it is saved or taken back.
//   - The truth: a save that ended well was stored; what was stored belongs to
//     a save that did not end badly.
//   - In the end everything typed can be saved, and the version has counted
//     every write.
func TestModel(t *testing.T) {
	t.Parallel()
	testModel(t, func(b *bakery) *bakery { return b })
}

// TestModelWithoutVersion is TestModel on a table that has no version.
func TestModelWithoutVersion(t *testing.T) {
	t.Parallel()
	testModel(t, func(b *unversioned) *bakery { return (*bakery)(b) })
}

// unversioned is a bakery but for its tags.
type unversioned struct {
	ID      int64    `db:"id,pk"`
	Name    string   `db:"name"`
	City    string   `db:"city"`
	Margin  *float64 `db:"margin"`
	Stock   int      `db:"stock,merge=sum"`
	Street  string   `db:"street,merge=group:address"`
	Zip     string   `db:"zip,merge=group:address"`
	Slug    string   `db:"slug,readonly"`
	Tags    []string `db:"tags"`
	Version int64    `db:"version,readonly"`
}

func testModel[T any](t *testing.T, as func(*T) *bakery) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// A bubble has a clock of its own, and no deadline.
		rapid.Check(struct{ *testing.T }{t}, func(t *rapid.T) {
			w := newWorld(t, as)
			defer w.end()
			t.Repeat(map[string]func(*rapid.T){
				"":        func(t *rapid.T) { w.check(t) },
				"type":    w.typing,
				"save":    w.save,
				"reply":   w.reply,
				"foreign": w.foreign,
				"delete":  w.foreignDelete,
				"merge":   w.merge,
				"revert":  w.revert,
				"resolve": w.resolve,
				"wait":    func(*rapid.T) { time.Sleep(time.Second); synctest.Wait() },
			})
			w.finish(t)
		})
	})
}

// modelFields are the fields that are typed into. The last two are one unit.
var modelFields = []string{"name", "city", "street", "zip"}

func field(b *bakery, name string) *string {
	switch name {
	case "name":
		return &b.Name
	case "city":
		return &b.City
	case "street":
		return &b.Street
	default:
		return &b.Zip
	}
}

// unitOf are the fields that change together with one.
func unitOf(name string) []string {
	if name == "street" || name == "zip" {
		return []string{"street", "zip"}
	}
	return []string{name}
}

// world is one run of the model.
type world[T any] struct {
	t       *rapid.T
	as      func(*T) *bakery
	store   *edit.Memory
	writer  *edit.Writer
	editor  *edit.Editor[int64, T]
	replies chan edit.State
	waiting atomic.Bool // a batch waits for a reply
	values  int
	people  []*person[T]
	stored  map[string]bool // values that were in the database at some time
	failed  error           // found on the writer's goroutine
	writes  int64
	deletes int
}

// person is one session and what the model knows of it.
type person[T any] struct {
	name  string
	edit  *edit.RecordEdit[int64, T]
	as    func(*T) *bakery
	draft map[string]string          // typed, and neither saved nor taken back
	seen  map[string]map[string]bool // values by field
	saves []*save[T]
	sent  map[string]bool // values that V had when it was saved
}

// save is one save under way.
type save[T any] struct {
	pending *edit.Pending[int64, T]
	draft   map[string]string
	all     map[string]string
}

func newWorld[T any](t *rapid.T, as func(*T) *bakery) *world[T] {
	w := &world[T]{t: t, as: as, replies: make(chan edit.State), stored: make(map[string]bool), store: edit.NewMemory()}
	store := &scripted[T]{Memory: w.store, world: w}
	w.writer = edit.NewWriter(store, edit.Chance(half), edit.Patience(time.Hour))
	w.editor = editorOf[T](t, w.writer, "bakery")
	w.store.Trigger = func(_ *edit.Table, row any) { w.audit(as(row.(*T))) }
	w.put(bakery{ID: 1, Name: "name 0", City: "city 0", Street: "street 0", Zip: "zip 0"})
	for i := range 2 {
		e, err := w.editor.Edit(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		p := &person[T]{name: fmt.Sprint("person", i), edit: e, as: as, draft: map[string]string{}, sent: map[string]bool{}}
		p.seen = make(map[string]map[string]bool)
		for _, f := range modelFields {
			p.seen[f] = make(map[string]bool)
		}
		p.look()
		w.people = append(w.people, p)
	}
	return w
}

// scripted is a store that replies as it is told to.
type scripted[T any] struct {
	*edit.Memory
	world *world[T]
}

func (s *scripted[T]) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	s.world.waiting.Store(true)
	var state edit.State
	select {
	case state = <-s.world.replies:
	case <-ctx.Done():
		return skipped(ops)
	}
	outcomes := make([]edit.Outcome, len(ops))
	switch state {
	case edit.Done:
		return s.Memory.Apply(ctx, ops)
	case edit.Unknown: // done, and the answer lost
		s.Memory.Apply(ctx, ops)
	case edit.Skipped: // not done, and nobody knows
		state = edit.Unknown
	default:
	}
	for i := range outcomes {
		outcomes[i] = edit.Outcome{State: state, Err: errScripted}
		if state == edit.Failed {
			outcomes[i].Err = &edit.ConstraintError{Kind: edit.ErrCheck, Err: errScripted}
		}
	}
	return outcomes
}

var errScripted = errors.New("scripted")

// audit looks at every row that is stored.
func (w *world[T]) audit(row *bakery) {
	w.writes++
	var old *bakery
	if row := w.store.Peek(w.editor.Table(), int64(1)); row != nil {
		old = w.as(row.(*T))
	}
	for _, f := range modelFields {
		v := *field(row, f)
		w.stored[v] = true
		if old == nil || v == *field(old, f) {
			continue
		}
		if g, was := w.unseen(f, v, old); g != "" {
			w.failed = fmt.Errorf("%q was written into %s over %q in %s by someone who has not seen that", v, f, was, g)
		}
	}
}

// unseen returns a field with a value that none of those has seen who may have
// written v: those who had it when they saved.
func (w *world[T]) unseen(f, v string, old *bakery) (name, value string) {
	for _, p := range w.people {
		if !p.sent[v] {
			continue
		}
		name = ""
		for _, g := range unitOf(f) {
			if was := *field(old, g); !p.seen[g][was] && !p.sent[was] {
				name, value = g, was
			}
		}
		if name == "" {
			return "", ""
		}
	}
	return name, value
}

// read returns the record in the store, nil if there is none.
func (w *world[T]) read() *bakery {
	row, err := w.store.Read(context.Background(), w.editor.Table(), []any{int64(1)})
	if err != nil {
		w.t.Fatal(err)
	}
	if row == nil {
		return nil
	}
	return w.as(row.(*T))
}

// put stores the record as another program would.
func (w *world[T]) put(b bakery) {
	row := new(T)
	*w.as(row) = b
	w.store.Put(w.editor.Table(), row)
}

// tell tells the sessions what is stored.
func (w *world[T]) tell() {
	row := new(T)
	*w.as(row) = *w.read()
	w.editor.Observe(1, *row)
}

// look remembers what a person can see.
func (p *person[T]) look() {
	s := p.edit.Snapshot()
	for _, f := range modelFields {
		p.seen[f][*field(p.as(&s), f)] = true
		p.seen[f][*field(p.as(&p.edit.V), f)] = true
	}
	for _, c := range p.edit.Conflicts() {
		if theirs, ok := c.Theirs.(string); ok && p.seen[c.Field] != nil {
			p.seen[c.Field][theirs] = true
		}
	}
}

func (w *world[T]) anyone(t *rapid.T) *person[T] {
	return rapid.SampledFrom(w.people).Draw(t, "person")
}

func (w *world[T]) value(who, field string) string {
	w.values++
	return fmt.Sprintf("%s %s %d", who, field, w.values)
}

func (w *world[T]) typing(t *rapid.T) {
	p := w.anyone(t)
	f := rapid.SampledFrom(modelFields).Draw(t, "field")
	v := w.value(p.name, f)
	*field(p.as(&p.edit.V), f) = v
	p.draft[f] = v
}

func (w *world[T]) save(t *rapid.T) {
	p := w.anyone(t)
	// What is being saved at the same time may be overwritten unseen.
	for _, other := range w.people {
		for _, s := range other.saves {
			for f, v := range s.all {
				p.seen[f][v] = true
			}
		}
	}
	p.saves = append(p.saves, p.submit())
	p.look()
	synctest.Wait()
}

// submit saves, and remembers what was accepted. That is not what V held before:
// a save takes in first what others have changed, and writes that where a save
// under way has to be taken back.
func (p *person[T]) submit() *save[T] {
	s := &save[T]{draft: maps.Clone(p.draft), all: make(map[string]string), pending: p.edit.SaveAsync()}
	select {
	case <-s.pending.Done():
		return s // nothing was sent
	default:
	}
	for _, f := range modelFields {
		v := *field(p.as(&p.edit.V), f)
		s.all[f] = v
		p.sent[v] = true
	}
	return s
}

func (w *world[T]) reply(t *rapid.T) {
	if !w.waiting.Load() {
		t.Skip("nothing waits")
	}
	state := rapid.SampledFrom([]edit.State{
		edit.Done, edit.Done, edit.Done, edit.Failed, edit.Transient, edit.Locked, edit.Unavailable, edit.Unknown, edit.Skipped,
	}).Draw(t, "state")
	w.answer(state)
}

func (w *world[T]) answer(state edit.State) {
	w.waiting.Store(false)
	w.replies <- state
	synctest.Wait()
}

func (w *world[T]) foreign(t *rapid.T) {
	b := w.read()
	if b == nil {
		t.Skip("it is deleted") // made anew, it would count its versions anew
	}
	for _, f := range modelFields {
		if rapid.Bool().Draw(t, f) {
			*field(b, f) = w.value("foreign", f)
		}
	}
	w.put(*b)
	if rapid.Bool().Draw(t, "told") {
		w.tell()
	}
}

func (w *world[T]) foreignDelete(t *rapid.T) {
	if w.deletes > 0 || rapid.IntRange(0, 3).Draw(t, "rarely") > 0 {
		t.Skip("not now")
	}
	w.deletes++
	w.store.Drop(w.editor.Table(), int64(1))
	if rapid.Bool().Draw(t, "told") {
		w.editor.ObserveDeleted(1)
	}
}

func (w *world[T]) merge(t *rapid.T) {
	p := w.anyone(t)
	if _, err := p.edit.RefreshSnapshot(context.Background()); err != nil && !errors.Is(err, edit.ErrDeleted) {
		t.Fatal(err)
	}
	p.look()
}

func (w *world[T]) revert(t *rapid.T) {
	p := w.anyone(t)
	p.edit.Revert()
	p.draft = map[string]string{}
	synctest.Wait()
	p.look()
}

func (w *world[T]) resolve(t *rapid.T) {
	p := w.anyone(t)
	p.look()
	if rapid.Bool().Draw(t, "mine") {
		_ = p.edit.Resolve(edit.KeepMine())
		return
	}
	for _, c := range p.edit.Conflicts() {
		if v := p.draft[c.Field]; v == *field(p.as(&p.edit.V), c.Field) {
			delete(p.draft, c.Field)
		}
	}
	_ = p.edit.Resolve(edit.TakeTheirs())
	p.look()
}

// check holds everything against the model.
func (w *world[T]) check(t *rapid.T) {
	synctest.Wait()
	if w.failed != nil {
		t.Fatal(w.failed)
	}
	for _, p := range w.people {
		w.checkSaves(t, p)
		if p.edit.Phase() == edit.PhaseClosed {
			t.Fatal("closed")
		}
		for f, v := range p.draft {
			if got := *field(p.as(&p.edit.V), f); got != v {
				t.Fatalf("%s typed %q into %s, and V holds %q", p.name, v, f, got)
			}
			if w.stored[v] && !p.edit.IsModified(f) {
				// It was done, and the answer lost, as a save found that ended badly for
				// another field. Where the snapshot has it, it is no draft any more: others
				// may change it from now on. Until then it must stay in V.
				delete(p.draft, f)
			}
		}
	}
}

// checkSaves looks at the saves of a person that have ended.
func (w *world[T]) checkSaves(t *rapid.T, p *person[T]) {
	left := p.saves[:0]
	for _, s := range p.saves {
		select {
		case <-s.pending.Done():
		default:
			left = append(left, s)
			continue
		}
		r, err := s.pending.Wait(context.Background())
		switch {
		case err == nil:
			for f, v := range s.draft {
				superseded := false
				for _, name := range r.Superseded {
					superseded = superseded || name == f
				}
				if !w.stored[v] && !superseded {
					t.Fatalf("%s: a save of %q ended well, and it was never stored", p.name, v)
				}
				if p.draft[f] == v {
					delete(p.draft, f)
				}
			}
		case errors.Is(err, edit.ErrConflict), errors.Is(err, edit.ErrCheck), errors.Is(err, edit.ErrWithdrawn),
			errors.Is(err, edit.ErrRetriesExhausted), errors.Is(err, edit.ErrOutcomeUnknown):
		default:
			t.Fatalf("%s: save ended with %v", p.name, err)
		}
	}
	p.saves = left
}

// finish lets everything end well.
func (w *world[T]) finish(t *rapid.T) {
	w.drain()
	w.check(t)
	if w.deletes > 0 {
		w.finishDeleted(t)
		return
	}
	for _, p := range w.people {
		for range 3 { // what is found in conflict by the save is resolved after it
			if _, err := p.edit.RefreshSnapshot(context.Background()); err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			p.look()
			if err := p.edit.Resolve(edit.KeepMine()); err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			s := p.submit()
			w.drain()
			if _, err := s.pending.Wait(context.Background()); err == nil {
				break
			} else if !errors.Is(err, edit.ErrConflict) {
				t.Fatalf("%s: %v", p.name, err)
			}
		}
		stored := w.read()
		for f, v := range p.draft {
			if *field(stored, f) != v {
				t.Fatalf("%s: %s is %q in the end, want %q", p.name, f, *field(stored, f), v)
			}
		}
		if m := p.edit.Modified(); len(m) > 0 {
			t.Fatalf("%s: modified in the end: %v", p.name, m)
		}
	}
	if w.failed != nil {
		t.Fatal(w.failed)
	}
	if v := w.read().Version; v != 0 && v != w.writes {
		t.Fatalf("version %d after %d writes", v, w.writes)
	}
}

// finishDeleted has someone make the record anew with what was typed.
func (w *world[T]) finishDeleted(t *rapid.T) {
	for _, p := range w.people {
		dirty := p.edit.Dirty()
		s := p.submit()
		w.drain()
		if _, err := s.pending.Wait(context.Background()); dirty && !errors.Is(err, edit.ErrConflict) {
			t.Fatalf("%s: saving what was deleted: %v", p.name, err)
		}
	}
	w.check(t)
	p := w.people[0]
	if p.edit.Phase() != edit.PhaseGone {
		w.editor.ObserveDeleted(1)
	}
	if err := p.edit.Recreate(); err != nil {
		t.Fatal(err)
	}
	s := p.edit.SaveAsync()
	w.drain()
	if _, err := s.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	for f, v := range p.draft {
		if got := *field(w.read(), f); got != v {
			t.Fatalf("%s: %s is %q in the end, want %q", p.name, f, got, v)
		}
	}
}

// drain answers until nothing waits.
func (w *world[T]) drain() {
	for range 100 {
		synctest.Wait()
		if w.waiting.Load() {
			w.answer(edit.Done)
			continue
		}
		if s := w.writer.Stats(); s.Queued == 0 && s.InFlight == 0 {
			return
		}
		time.Sleep(time.Minute)
	}
}

func (w *world[T]) end() {
	for _, p := range w.people {
		_ = p.edit.Close()
	}
	_ = w.writer.Close()
}
