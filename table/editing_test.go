package table

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
)

// editable returns a source with two rows, and a table on it.
func editable(t *testing.T, config MemoryConfig[item]) (*Memory[int64, item], *LiveTable[int64, item]) {
	t.Helper()
	m := newMemory(t, config)
	m.Commit(func(tx *MemoryTx[int64, item]) {
		tx.Set(item{ID: 1, Name: "one"})
		tx.Set(item{ID: 2, Name: "two"})
	})
	return m, open(t, m)
}

func startEdit(t *testing.T, l *LiveTable[int64, item], id int64) *edit.RecordEdit[int64, item] {
	t.Helper()
	e, err := l.Edit(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// TestEditSaves: what a session saves is in the source, in the table at once,
// and stays there.
func TestEditSaves(t *testing.T) {
	t.Parallel()
	m, l := editable(t, MemoryConfig[item]{Number: func(row *item, n int64) { row.ID = 100 + n }})
	e := startEdit(t, l, 1)
	if e.V != (item{ID: 1, Name: "one"}) || e.Dirty() {
		t.Fatalf("the session begins with %v", e.V)
	}
	m.Hold() // nothing is told until somebody asks
	e.V.Name = "uno"
	if r, err := e.Save(soon(t)); err != nil || r.Kind != edit.Saved {
		t.Fatalf("%v, %v", r.Kind, err)
	}
	if row, _ := l.Get(1); row.Name != "uno" {
		t.Errorf("after the save the table shows %v", row)
	}
	fresh := l.New(item{Name: "new"})
	defer func() { _ = fresh.Close() }()
	r, err := fresh.Save(soon(t))
	if err != nil || r.Kind != edit.Created || fresh.ID() != 101 {
		t.Fatalf("%v, %v, %d", r.Kind, err, fresh.ID())
	}
	if row, ok := l.Get(101); !ok || row.Name != "new" {
		t.Errorf("after the save the table shows %v, %v", row, ok)
	}
	if r, err := startEdit(t, l, 2).Delete(soon(t)); err != nil || r.Kind != edit.Deleted {
		t.Fatalf("%v, %v", r.Kind, err)
	}
	if _, ok := l.Get(2); ok {
		t.Error("after its deletion the row is there")
	}
	settled(t, l, m)
}

// TestEditShowsWhatIsUnderWay: a save shows before the source has it, and no
// longer when it is refused.
func TestEditShowsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	m, l := editable(t, MemoryConfig[item]{Within: func(i *item) bool { return i.Name != "forbidden" }})
	let := make(chan struct{})
	m.At(BeforeApply, func() error {
		<-let
		return nil
	})
	e := startEdit(t, l, 1)
	e.V.Name = "soon"
	p := e.SaveAsync()
	if row, _ := l.Get(1); row.Name != "soon" {
		t.Errorf("while it is saved the table shows %v", row)
	}
	if known, settled := l.core.known(1); known.Name != "one" || settled {
		t.Errorf("what is on its way is known already: %v, %v", known, settled)
	}
	close(let)
	if _, err := p.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	refused := l.New(item{ID: 7, Name: "forbidden"})
	defer func() { _ = refused.Close() }()
	if _, err := refused.Save(soon(t)); !errors.Is(err, ErrOutside) {
		t.Errorf("a row outside of the set: %v", err)
	}
	if _, ok := l.Get(7); ok {
		t.Error("what was refused still shows")
	}
	if refused.V.Name != "forbidden" {
		t.Error("what was typed is gone")
	}
	settled(t, l, m)
}

// TestEditHearsOfOthers: a session learns what others change, and merges it or
// is in conflict.
func TestEditHearsOfOthers(t *testing.T) {
	t.Parallel()
	m, l := editable(t, MemoryConfig[item]{})
	e := startEdit(t, l, 1)
	e.V.Name = "mine"
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, Name: "one", N: 5}) })
	eventually(t, "the session is told", func() bool {
		_, err := e.Merge()
		return err == nil && e.V.N == 5
	})
	if e.V.Name != "mine" {
		t.Errorf("what was typed is %q", e.V.Name)
	}
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, Name: "theirs", N: 5}) })
	var conflict *edit.ConflictError
	if _, err := e.Save(soon(t)); !errors.As(err, &conflict) || conflict.Fields[0].Theirs != "theirs" {
		t.Fatalf("a conflict: %v", err)
	}
	if err := e.Resolve(edit.KeepMine()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Save(soon(t)); err != nil {
		t.Fatal(err)
	}
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Delete(1) })
	eventually(t, "the session is told of the deletion", func() bool { return e.Phase() == edit.PhaseGone })
	if _, err := l.Edit(1); !errors.Is(err, ErrNotFound) || !errors.Is(err, edit.ErrDeleted) {
		t.Errorf("editing a row that is gone: %v", err)
	}
	settled(t, l, m)
}

// TestEditRefused: why a table cannot be edited is told, and what was typed
// survives.
func TestEditRefused(t *testing.T) {
	t.Parallel()
	_, l := editable(t, MemoryConfig[item]{})
	l.core.schema.columns.Clear(1) // as if it was opened with Columns
	if _, err := l.Edit(1); !errors.Is(err, errColumnsOnly) {
		t.Errorf("a table with some columns only: %v", err)
	}
	e := l.New(item{ID: 3, Name: "typed"})
	if _, err := e.Save(soon(t)); !errors.Is(err, errColumnsOnly) || e.V.Name != "typed" {
		t.Errorf("a new row of it: %v, %v", err, e.V)
	}
	_ = e.Close()
}

// TestEditCloses: saves that a closed table cuts off are told.
func TestEditCloses(t *testing.T) {
	t.Parallel()
	m := newMemory(t, MemoryConfig[item]{})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, Name: "one"}) })
	l, err := Open(soon(t), m)
	if err != nil {
		t.Fatal(err)
	}
	e := startEdit(t, l, 1)
	e.V.Name = "flushed"
	e.SaveAsync()
	if err := l.Shutdown(soon(t)); err != nil {
		t.Errorf("with time to flush: %v", err)
	}
	if m.Rows()[1].Name != "flushed" {
		t.Error("the save was not flushed")
	}
	e.V.Name = "late"
	if _, err := e.Save(soon(t)); !errors.Is(err, edit.ErrClosed) {
		t.Errorf("a save after that: %v", err)
	}
	if _, err := l.Edit(1); !errors.Is(err, ErrClosed) {
		t.Errorf("Edit after that: %v", err)
	}
}

// TestEditNeverGoesBack: however saves, changes of others and readings that come
// late meet, no counter that the table shows, or that a session knows, goes back.
// Every writer only ever adds to it.
func TestEditNeverGoesBack(t *testing.T) {
	t.Parallel()
	m, l := editable(t, MemoryConfig[item]{})
	const each = 150
	var writers, watchers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		watchers.Go(func() {
			var last [3]int64
			for {
				select {
				case <-stop:
					return
				default:
				}
				for id := range int64(2) {
					known, _ := l.core.known(id + 1)
					if known.N < last[id] {
						t.Errorf("row %d went back from %d to %d", id+1, last[id], known.N)
						return
					}
					last[id] = known.N
				}
			}
		})
	}
	watcher := startEdit(t, l, 1)
	watchers.Go(func() {
		last := int64(0)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := watcher.Merge(); err != nil || watcher.V.N < last {
				t.Errorf("a session went back from %d to %d (%v)", last, watcher.V.N, err)
				return
			}
			last = watcher.V.N
			time.Sleep(50 * time.Microsecond)
		}
	})
	editor, err := l.Editor(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		writers.Go(func() {
			for range each {
				id := rand.Int64N(2) + 1
				_, err := editor.Update(soon(t), id, func(i *item) error {
					i.N++
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Go(func() {
		for range each {
			id := rand.Int64N(2) + 1
			m.Commit(func(tx *MemoryTx[int64, item]) {
				row := *tx.edit.Get(id)
				row.N++
				tx.Set(row)
			})
			time.Sleep(100 * time.Microsecond)
		}
	})
	writers.Wait()
	close(stop)
	watchers.Wait()
	settled(t, l, m)
	if sum := m.Rows()[1].N + m.Rows()[2].N; sum != 4*each {
		t.Errorf("%d additions are left of %d", sum, 4*each)
	}
}

// TestKnownWaitsForTheAcknowledgement: a row that is read while a save is on its
// way may be older than what the save leaves, or newer. It counts when the table
// has read everything that was committed before the acknowledgement.
func TestKnownWaitsForTheAcknowledgement(t *testing.T) {
	t.Parallel()
	m, l := editable(t, MemoryConfig[item]{})
	staged := l.core.stage([]Change[int64, item]{{Key: 1, Apply: func(*item) *item { return &item{ID: 1, N: 4} }}})
	m.Commit(func(tx *MemoryTx[int64, item]) { tx.Set(item{ID: 1, N: 5}) })
	eventually(t, "the row of others is read", func() bool {
		l.core.writeMu.Lock()
		defer l.core.writeMu.Unlock()
		return l.core.overlay[1].base.N == 5
	})
	if known, settled := l.core.known(1); known.N != 0 || settled {
		t.Errorf("before the acknowledgement %v is known (%v)", known, settled)
	}
	stored := &item{ID: 1, N: 4}
	staged.ackedAs(1, func(*item) *item { return stored }, func(p *pile[int64, item]) { p.known = stored })
	eventually(t, "what others wrote is known", func() bool {
		known, settled := l.core.known(1)
		if known.N < 4 {
			t.Fatalf("after the acknowledgement %v is known", known)
		}
		return settled && known.N == 5
	})
}

// TestEditGroup: members of a group are saved all or none.
func TestEditGroup(t *testing.T) {
	t.Parallel()
	m, l := editable(t, MemoryConfig[item]{Within: func(i *item) bool { return i.Name != "forbidden" }})
	one, bad := startEdit(t, l, 1), l.New(item{ID: 9, Name: "forbidden"})
	defer func() { _ = bad.Close() }()
	one.V.Name = "uno"
	if err := edit.Group(soon(t), one, bad); !errors.Is(err, ErrOutside) {
		t.Errorf("a group with a row outside: %v", err)
	}
	if got := m.Rows()[1].Name; got != "one" {
		t.Errorf("a part of the group was saved: %s", got)
	}
	bad.V.Name = "allowed"
	if err := edit.Group(soon(t), one, bad); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range m.Rows() {
		names = append(names, fmt.Sprint(row.ID, row.Name))
	}
	slices.Sort(names)
	if want := []string{"1uno", "2two", "9allowed"}; !slices.Equal(names, want) {
		t.Errorf("after the group: %v, want %v", names, want)
	}
	settled(t, l, m)
}

// TestEditorWhileClosing: who asks for an editor while the table is being closed
// does not get one that nobody ends.
func TestEditorWhileClosing(t *testing.T) {
	t.Parallel()
	_, l := editable(t, MemoryConfig[item]{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s, _, err := l.core.editing.sessions(soon(t), l.core) // Editor has looked before
	if !errors.Is(err, ErrClosed) {
		t.Errorf("the error is %v", err)
	}
	if s != nil {
		_ = s.writer.Close()
	}
}
